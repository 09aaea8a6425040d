//! The way of a request: to a proxy, from there to a backend, at once or after a wait, and back.

use std::time::Duration;

use http::StatusCode;
use pointsman_policy::{Pick, Response};
use pointsman_sdk::abi::outcome;

use super::super::job::JobId;
use super::super::proxy::{NotSent, Sent};
use super::super::request::Request;
use super::jobs::Job;
use super::{Event, Run};

/// Attempts beyond the first that a request has when a backend can't be reached, as the proxy's default is.
const RETRIES: u32 = 2;

impl Run<'_> {
    /// A request comes to one of the proxies.
    pub(super) fn arrive(&mut self) {
        let request = self.requests.make(self.now, self.proxies.len());
        self.tally.counts.requests += u64::from(self.tally.counts_from(self.now));
        // Behind those who wait, even if there is room for this one.
        let full = match self.proxies[request.proxy].queue.is_empty() {
            true => self.attempt(request),
            false => Some(request),
        };
        if let Some(request) = full {
            self.wait(request);
        }
    }

    /// Sends a request to a backend, or ends it; only if all backends are full it comes back.
    fn attempt(&mut self, mut request: Box<Request>) -> Option<Box<Request>> {
        for attempt in 0..=RETRIES {
            let at = &mut self.proxies[request.proxy];
            let sent = match at.send(&mut request.head) {
                Ok(sent) => sent,
                Err(NotSent::Pick(Pick::Reject(status))) => {
                    self.reject(request, status);
                    return None;
                }
                // A retry doesn't wait: it has an answer, its last failure.
                Err(NotSent::AllFull) if attempt == 0 => return Some(request),
                Err(_) => break,
            };
            let backend = sent.backend;
            self.tally.chosen(sent.request.picked().chosen_by);
            self.tally.sent(self.now, backend);
            if self.servers[backend as usize].conduct.refuses {
                request.head.tried.insert(sent.request.picked().index);
                request.head.tried.attempt += 1;
                let refused =
                    Response { answered: None, outcome: outcome::CONNECT_FAILURE, total: Duration::ZERO };
                self.proxies[request.proxy].end(sent, &refused);
                continue;
            }
            self.begin(sent, request);
            return None;
        }
        self.fail(request);
        None
    }

    fn reject(&mut self, request: Box<Request>, status: StatusCode) {
        self.tally.counts.rejected += u64::from(self.tally.counts_from(request.arrived));
        self.tally.note(self.now, u64::from(status.as_u16()));
        self.answered(request.arrived);
        self.requests.keep(request);
    }

    fn fail(&mut self, request: Box<Request>) {
        self.tally.counts.failed += u64::from(self.tally.counts_from(request.arrived));
        self.tally.note(self.now, 503);
        self.answered(request.arrived);
        self.requests.keep(request);
    }

    /// All backends are full, or others wait already.
    fn wait(&mut self, request: Box<Request>) {
        let (proxy, counts) = (request.proxy, u64::from(self.tally.counts_from(request.arrived)));
        match self.proxies[proxy].queue.join(request) {
            Ok(()) => {
                self.tally.counts.waited += counts;
                self.watch(proxy);
            }
            Err(request) => {
                self.tally.counts.queue_full += counts;
                self.fail(request);
            }
        }
    }

    /// Announces when the first in a queue gives up.
    fn watch(&mut self, proxy: usize) {
        if let Some(at) = self.proxies[proxy].queue.watch() {
            self.timeline.add(at, Event::GiveUp(proxy as u32));
        }
    }

    /// Those at a proxy give up who have waited for too long.
    pub(super) fn give_up(&mut self, proxy: usize) {
        self.proxies[proxy].queue.look();
        while let Some(late) = self.proxies[proxy].queue.take_late(self.now) {
            self.tally.counts.queue_timeout += u64::from(self.tally.counts_from(late.arrived));
            self.fail(late);
        }
        self.watch(proxy);
    }

    /// A backend may have room: those who wait at a proxy ask for it, one after the other.
    pub(super) fn serve_waiting(&mut self, proxy: usize) {
        while let Some(first) = self.proxies[proxy].queue.take() {
            if let Some(first) = self.attempt(first) {
                self.proxies[proxy].queue.put_back(first);
                return;
            }
        }
    }

    /// A backend begins with a request, or has it wait.
    fn begin(&mut self, sent: Sent, mut request: Box<Request>) {
        let backend = sent.backend;
        let server = &mut self.servers[backend as usize];
        let occupied = server.occupancy.now + 1;
        server.occupancy.change(self.now, occupied);
        let status = StatusCode::from_u16(server.conduct.status).unwrap_or(StatusCode::OK);
        let Request { proxy, arrived, ref work, key, ref mut prompt, .. } = *request;
        self.tally.begun(self.now, key, backend);
        let proxy = proxy as u32;
        let job = self.jobs.add(Job {
            sent,
            proxy,
            arrived,
            began: self.now,
            status,
            ends_at: None,
            read_at: None,
        });
        let work = server.conduct.work.as_ref().unwrap_or(work).draw(&mut self.requests.works);
        if server.conduct.status == 0 {
            let due = server.arrive(self.now, job, work, prompt);
            self.announce_due(backend, due);
        } else {
            // Like a server that has lost its database: it takes no time, whatever else it has to do.
            self.timeline.add(self.now + 1, Event::Answered(job));
        }
        self.requests.keep(request);
    }

    /// A request has been served.
    pub(super) fn end(&mut self, job: JobId) {
        let Some(Job { sent, proxy, arrived, began, status, read_at, .. }) = self.jobs.take(job) else {
            return;
        };
        let backend = sent.backend;
        let server = &mut self.servers[backend as usize];
        let left = server.occupancy.now - 1;
        server.occupancy.change(self.now, left);
        // A policy observes the time from its pick.
        let total = Duration::from_micros(self.now - began);
        let mut response = Response::complete(status, total);
        if let Some(read_at) = read_at {
            response.answered = Some((status, Duration::from_micros(read_at - began)));
            self.tally.first_token(arrived, read_at);
        }
        self.proxies[proxy as usize].end(sent, &response);
        if self.tally.counts_from(arrived) {
            if status.is_server_error() {
                self.tally.counts.failed += 1;
            } else {
                self.tally.served(arrived, self.now);
            }
        }
        self.tally.note(self.now, u64::from(backend) << 32 | u64::from(proxy));
        self.answered(arrived);
        self.serve_waiting(proxy as usize);
    }

    /// A client has its response to what it has sent then.
    fn answered(&mut self, sent: u64) {
        if let Some(next) = self.source.answered(sent, self.now) {
            self.timeline.add(next, Event::Arrival);
        }
    }
}
