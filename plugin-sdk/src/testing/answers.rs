//! The test host's answers to each import, by the rules of [`abi`](crate::abi).

use super::pool::{CellKey, Pool, TestBackend};
use super::{TestHost, TestRequest};
use crate::Flags;
use crate::abi::{ABSENT, backend_field, cell_scope, hash_source, limit, log_level, request_field};
use crate::imports::Imports;
use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

/// What one instance has reported about itself.
#[derive(Debug, Default)]
pub(super) struct GuestReport {
    failure: RefCell<String>,
    state: RefCell<String>,
    tick_ms: Cell<u32>,
}

impl GuestReport {
    pub(super) fn failure(&self) -> String {
        self.failure.borrow().clone()
    }

    pub(super) fn tick_interval(&self) -> Option<Duration> {
        Some(self.tick_ms.get()).filter(|ms| *ms > 0).map(|ms| Duration::from_millis(ms.into()))
    }
}

/// One call of one instance: what the host answers from while it runs.
pub(super) struct Call {
    host: TestHost,
    report: Rc<GuestReport>,
    request: Option<TestRequest>,
}

impl Call {
    pub(super) fn new(host: &TestHost, report: &Rc<GuestReport>, request: Option<TestRequest>) -> Self {
        Self { host: host.clone(), report: Rc::clone(report), request }
    }

    fn pool<R>(&self, ask: impl FnOnce(&Pool) -> R) -> R {
        ask(&self.host.pool().borrow())
    }

    fn backend<R: Default>(&self, index: i32, ask: impl FnOnce(&TestBackend) -> R) -> R {
        self.pool(|pool| pool.get(index).map(ask)).unwrap_or_default()
    }

    /// Passes a cell to `change`, which answers what the import answers; a cell that does not exist reads 0.
    fn cell(&self, scope: i32, index: i32, slot: i32, change: impl FnOnce(&mut i64) -> i64) -> i64 {
        let mut pool = self.host.pool().borrow_mut();
        match self.cell_key(&pool, scope, index, slot) {
            Some(key) => change(pool.cells.entry(key).or_default()),
            None => 0,
        }
    }

    fn cell_key(&self, pool: &Pool, scope: i32, index: i32, slot: i32) -> Option<CellKey> {
        let (backend, slots) = match scope {
            cell_scope::POOL => (None, cell_scope::POOL_SLOTS),
            cell_scope::BACKEND => (Some(pool.get(index)?.name.clone()), cell_scope::BACKEND_SLOTS),
            _ => return None,
        };
        let slot = usize::try_from(slot).ok().filter(|slot| *slot < slots)?;
        Some((self.report.state.borrow().clone(), backend, slot))
    }
}

impl Imports for Call {
    fn config(&self, buf: &mut [u8]) -> i32 {
        self.pool(|pool| fill(buf, pool.config.to_string().as_bytes()))
    }

    fn fail(&self, text: &str) {
        text.clone_into(&mut self.report.failure.borrow_mut());
    }

    fn state(&self, name: &str) {
        name.clone_into(&mut self.report.state.borrow_mut());
    }

    fn backend_count(&self) -> i32 {
        self.pool(|pool| pool.backends.len() as i32)
    }

    fn backend_text(&self, index: i32, field: i32, buf: &mut [u8]) -> i32 {
        self.pool(|pool| {
            let text = pool.get(index).and_then(|backend| match field {
                backend_field::NAME => Some(&backend.name),
                backend_field::ADDRESS => Some(&backend.address),
                backend_field::ZONE => Some(&backend.zone),
                _ => None,
            });
            fill_text(buf, text.map(String::as_str))
        })
    }

    fn backend_label(&self, index: i32, key: &str, buf: &mut [u8]) -> i32 {
        self.pool(|pool| {
            fill_text(buf, pool.get(index).and_then(|backend| backend.labels.get(key)).map(String::as_str))
        })
    }

    fn weight(&self, index: i32) -> i32 {
        self.backend(index, |backend| backend.weight as i32)
    }

    fn weights(&self, buf: &mut [u32]) -> i32 {
        self.pool(|pool| fill(buf, &pool.backends.iter().map(|backend| backend.weight).collect::<Vec<_>>()))
    }

    fn configured_weight(&self, index: i32) -> i32 {
        self.backend(index, |backend| backend.configured_weight as i32)
    }

    fn flags(&self, index: i32) -> i32 {
        self.pool(|pool| pool.get(index).map_or(0, |backend| pool.flags(backend).bits().cast_signed()))
    }

    fn all_flags(&self, buf: &mut [Flags]) -> i32 {
        self.pool(|pool| fill(buf, &pool.all_flags()))
    }

    fn stat(&self, kind: i32, index: i32) -> i64 {
        let kind = usize::try_from(kind).unwrap_or(usize::MAX);
        self.backend(index, |backend| backend.stats.get(kind).copied().unwrap_or(0).cast_signed())
    }

    fn stats(&self, kind: i32, buf: &mut [u64]) -> i32 {
        let kind = usize::try_from(kind).unwrap_or(usize::MAX);
        self.pool(|pool| {
            let column: Option<Vec<u64>> =
                pool.backends.iter().map(|backend| backend.stats.get(kind).copied()).collect();
            column.map_or(ABSENT, |column| fill(buf, &column))
        })
    }

    fn request_text(&self, field: i32, buf: &mut [u8]) -> i32 {
        let text = self.request.as_ref().and_then(|request| match field {
            request_field::METHOD => Some(&request.method),
            request_field::SCHEME => Some(&request.scheme),
            request_field::AUTHORITY => Some(&request.authority),
            request_field::PATH => Some(&request.path),
            request_field::QUERY => request.query.as_ref(),
            request_field::PROTOCOL => Some(&request.protocol),
            request_field::ROUTE => request.route.as_ref(),
            _ => None,
        });
        fill_text(buf, text.map(String::as_str))
    }

    fn header(&self, name: &str, buf: &mut [u8]) -> i32 {
        let header =
            self.request.as_ref().and_then(|request| request.headers.get(&name.to_ascii_lowercase()));
        fill_text(buf, header.map(String::as_str))
    }

    fn client_ip(&self, buf: &mut [u8; 16]) -> i32 {
        match self.request.as_ref().and_then(|request| request.client_ip) {
            Some(IpAddr::V4(address)) => {
                *buf = address.to_ipv6_mapped().octets();
                4
            }
            Some(IpAddr::V6(address)) => {
                *buf = address.octets();
                6
            }
            None => ABSENT,
        }
    }

    fn hash(&self, source: i32, name: &str) -> i64 {
        let Some(request) = &self.request else { return 0 };
        let part = match source {
            hash_source::CLIENT_IP => request.client_ip.map(|address| address.to_string()),
            hash_source::HEADER => request.headers.get(&name.to_ascii_lowercase()).cloned(),
            hash_source::COOKIE => request.cookie(name).map(str::to_owned),
            hash_source::PATH => Some(request.path.clone()),
            hash_source::QUERY => request.parameter(name).map(str::to_owned),
            _ => None,
        };
        part.map_or(0, |part| {
            // SipHash with fixed keys: the same in every run.
            let mut hasher = DefaultHasher::new();
            part.hash(&mut hasher);
            hasher.finish().max(1).cast_signed()
        })
    }

    fn attempt(&self) -> i32 {
        self.request.as_ref().map_or(ABSENT, |request| request.attempt as i32)
    }

    fn tried(&self, index: i32) -> i32 {
        let tried =
            |request: &TestRequest| self.backend(index, |backend| request.tried.contains(&backend.name));
        self.request.as_ref().map_or(ABSENT, |request| i32::from(tried(request)))
    }

    fn cell_get(&self, scope: i32, index: i32, slot: i32) -> i64 {
        self.cell(scope, index, slot, |cell| *cell)
    }

    fn cell_set(&self, scope: i32, index: i32, slot: i32, value: i64) {
        self.cell(scope, index, slot, |cell| std::mem::replace(cell, value));
    }

    fn cell_add(&self, scope: i32, index: i32, slot: i32, delta: i64) -> i64 {
        self.cell(scope, index, slot, |cell| std::mem::replace(cell, cell.wrapping_add(delta)))
    }

    fn cell_cas(&self, scope: i32, index: i32, slot: i32, expected: i64, new: i64) -> i64 {
        self.cell(scope, index, slot, |cell| {
            let found = *cell;
            if found == expected {
                *cell = new;
            }
            found
        })
    }

    fn now_us(&self) -> i64 {
        self.pool(|pool| pool.clock.as_micros() as i64)
    }

    fn random(&self) -> i64 {
        self.host.pool().borrow_mut().random().cast_signed()
    }

    fn log(&self, level: i32, text: &str) {
        let level = match level {
            log_level::DEBUG => "debug",
            log_level::INFO => "info",
            log_level::WARN => "warn",
            log_level::ERROR => "error",
            _ => "panic",
        };
        self.host.pool().borrow_mut().logs.push(format!("{level}: {text}"));
    }

    fn tick_every(&self, ms: i32) {
        let ms = u32::try_from(ms).unwrap_or(0);
        self.report.tick_ms.set(if ms == 0 { 0 } else { ms.max(limit::TICK_MS) });
    }
}

/// Fills a buffer and returns the full length in bytes; too small a buffer stays as it is.
fn fill<T: Copy>(buf: &mut [T], answer: &[T]) -> i32 {
    if let Some(room) = buf.get_mut(..answer.len()) {
        room.copy_from_slice(answer);
    }
    size_of_val(answer) as i32
}

fn fill_text(buf: &mut [u8], text: Option<&str>) -> i32 {
    text.map_or(ABSENT, |text| fill(buf, text.as_bytes()))
}
