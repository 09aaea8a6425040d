//! Lookups in DNS.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, Record as DnsRecord, RecordType};
use hickory_resolver::{TokioResolver, system_conf};
use pointsman_core::printable::Printable;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::config::{DnsConfig, Question};
use crate::open_files::OpenFiles;

use super::answer::{Asked, Failure, MOST, Record, Reply};

/// Most hosts of one question that are looked up at a time.
const AT_A_TIME: usize = 16;

/// An incomplete answer is reported when nothing more of it has come for this long.
const EARLY: Duration = Duration::from_millis(100);

/// The machine's resolver, or the configured servers.
#[derive(Debug)]
pub(super) struct Resolver {
    dns: TokioResolver,
    /// The search list for names that aren't fully qualified.
    search: Vec<Name>,
    /// A name with at least this many dots is tried as it is first.
    dots: usize,
    timeout: Duration,
    slots: Semaphore,
}

/// Records of one type under one name, and for how long they hold.
type Records = (Vec<RData>, Duration);

/// Addresses of one family, sent as soon as they are known: the host, [`V4`] or [`V6`], the addresses, and for how long they hold.
type Part = (String, usize, Vec<IpAddr>, Duration);

const V4: usize = 0;
const V6: usize = 1;

impl Resolver {
    /// Reads the system's configuration (`/etc/resolv.conf` unless servers are configured, and `/etc/hosts`).
    pub(super) fn new(config: &DnsConfig) -> Result<Arc<Self>, Failure> {
        let (servers, mut options) = if config.servers.is_empty() {
            system_conf::read_system_conf().map_err(|error| failure(&error))?
        } else {
            let servers = config.servers.iter().map(|&address| server(address)).collect();
            (ResolverConfig::from_name_servers(servers), ResolverOpts::default())
        };
        // So that there is time for a second try.
        options.timeout = config.timeout / 2;
        options.attempts = 1;
        // The schedule decides how long an answer holds.
        options.cache_size = 0;
        let search = servers.search().iter().chain(servers.domain()).cloned().collect();
        let dots = options.ndots;
        let mut builder = TokioResolver::builder_with_config(servers, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        let dns = builder.build().map_err(|error| failure(&error))?;
        let slots = AT_A_TIME.min(OpenFiles::of_process().for_dns());
        Ok(Arc::new(Self { dns, search, dots, timeout: config.timeout, slots: Semaphore::new(slots) }))
    }

    /// Asks a question, and the ones that follow from its answer. `early` is called with an incomplete answer while the rest is
    /// outstanding: some servers never answer for IPv6 (RFC 8305 section 3).
    pub(super) async fn ask(
        self: Arc<Self>,
        question: Question,
        early: impl Fn(Reply),
    ) -> Result<Reply, Failure> {
        let mut reply = Reply { ttl: Duration::MAX, ..Reply::default() };
        match question {
            Question::Each { host, port } => {
                reply.records.push(Record { host, port, priority: 0, weight: 0 });
            }
            Question::Srv { service } => {
                let (records, ttl) = self.service(&service).await?;
                reply.records = records;
                reply.ttl = ttl;
            }
        }
        let hosts: BTreeSet<_> = reply.records.iter().map(|record| record.host.clone()).collect();
        let mut asked = JoinSet::new();
        let (found, mut parts) = mpsc::unbounded_channel();
        for host in hosts.into_iter().take(MOST) {
            reply.hosts.insert(host.clone(), [const { Err(Failure::TimedOut) }; 2]);
            let (resolver, found) = (Arc::clone(&self), found.clone());
            asked.spawn(async move {
                let _slot = resolver.slots.acquire().await;
                let (families, ttl) = resolver.host(&host, &found).await;
                (host, families, ttl)
            });
        }
        let mut is_incomplete = false;
        loop {
            tokio::select! {
                biased;
                Some((host, family, addresses, ttl)) = parts.recv() => {
                    reply.ttl = reply.ttl.min(ttl);
                    if let Some(families) = reply.hosts.get_mut(&host) {
                        families[family] = Ok(addresses);
                    }
                    is_incomplete = true;
                }
                done = asked.join_next() => {
                    let Some(done) = done else { return Ok(reply) };
                    let (host, families, ttl) = done.map_err(|error| Failure::Server(Printable::text(error)))?;
                    reply.ttl = reply.ttl.min(ttl);
                    reply.hosts.insert(host, families);
                }
                () = tokio::time::sleep(EARLY), if is_incomplete => {
                    early(reply.clone());
                    is_incomplete = false;
                }
            }
        }
    }

    /// The records of a service.
    async fn service(&self, service: &str) -> Result<(Vec<Record>, Duration), Failure> {
        for name in self.candidates(service)? {
            let (found, ttl) = self.lookup(name, RecordType::SRV).await?;
            // A target of `.` says that the service isn't there.
            let record = |rdata| match rdata {
                RData::SRV(srv) if !srv.target.is_root() => Some(Record {
                    host: srv.target.to_lowercase().to_ascii(),
                    port: srv.port,
                    priority: srv.priority,
                    weight: srv.weight,
                }),
                _ => None,
            };
            let records: Vec<_> = found.into_iter().filter_map(record).collect();
            if !records.is_empty() {
                return Ok((records, ttl));
            }
        }
        Err(Failure::Empty)
    }

    /// The IPv4 and IPv6 addresses of a host, and their shortest TTL. The addresses of each family are sent to `found` as they come.
    async fn host(&self, host: &str, found: &mpsc::UnboundedSender<Part>) -> ([Asked; 2], Duration) {
        let names = match self.candidates(host) {
            Ok(names) => names,
            Err(failure) => return ([Err(failure.clone()), Err(failure)], Duration::MAX),
        };
        for name in names {
            let family = async |family, record_type| {
                let (records, ttl) = self.lookup(name.clone(), record_type).await?;
                let addresses: Vec<IpAddr> =
                    records.into_iter().filter_map(|record| record.ip_addr()).collect();
                if !addresses.is_empty() {
                    // An error means that the answer is complete without them.
                    let _ = found.send((host.to_owned(), family, addresses.clone(), ttl));
                }
                Ok((addresses, ttl))
            };
            let (v4, v6) = tokio::join!(family(V4, RecordType::A), family(V6, RecordType::AAAA));
            let is_silent = |asked: &Result<(Vec<IpAddr>, _), _>| {
                asked.as_ref().is_ok_and(|(addresses, _)| addresses.is_empty())
            };
            if is_silent(&v4) && is_silent(&v6) {
                continue;
            }
            let ttl = [&v4, &v6].into_iter().flatten().map(|(_, ttl)| *ttl).min().unwrap_or(Duration::MAX);
            return ([v4, v6].map(|asked| asked.map(|(addresses, _)| addresses)), ttl);
        }
        ([Ok(Vec::new()), Ok(Vec::new())], Duration::MAX)
    }

    /// The fully qualified names that a name may stand for, in the order in which they are tried.
    fn candidates(&self, name: &str) -> Result<Vec<Name>, Failure> {
        let bad = |error: &dyn std::fmt::Display| Failure::Server(Printable::text(error));
        let name = Name::from_ascii(name).map_err(|error| bad(&error))?;
        if name.is_fqdn() {
            return Ok(vec![name]);
        }
        let mut whole = name.clone();
        whole.set_fqdn(true);
        let searched = self.search.iter().filter_map(|domain| {
            let mut searched = name.clone().append_domain(domain).ok()?;
            searched.set_fqdn(true);
            Some(searched)
        });
        let mut names: Vec<Name> = searched.collect();
        let as_it_is = if usize::from(name.num_labels()) > self.dots { 0 } else { names.len() };
        names.insert(as_it_is, whole);
        Ok(names)
    }

    async fn lookup(&self, name: Name, record_type: RecordType) -> Result<Records, Failure> {
        match tokio::time::timeout(self.timeout, self.dns.lookup(name, record_type)).await {
            Err(_) => Err(Failure::TimedOut),
            Ok(Err(error)) if error.is_no_records_found() => Ok((Vec::new(), Duration::MAX)),
            Ok(Err(error)) => Err(failure(&error)),
            Ok(Ok(lookup)) => {
                // An alias on the way holds no longer than its own TTL (RFC 2181 section 10.1.1).
                let of_answer = |record: &&DnsRecord| matches!(record.record_type(), of_type if of_type == record_type || of_type == RecordType::CNAME);
                let ttl = lookup.answers().iter().filter(of_answer).map(|record| record.ttl).min();
                let of_type = lookup.answers().iter().filter(|record| record.record_type() == record_type);
                let ttl = ttl.map_or(Duration::MAX, |seconds| Duration::from_secs(seconds.into()));
                Ok((of_type.map(|record| record.data.clone()).collect(), ttl))
            }
        }
    }
}

fn server(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        let ConnectionConfig { port, .. } = connection;
        *port = address.port();
    }
    server
}

fn failure(error: &NetError) -> Failure {
    match error {
        NetError::Timeout => Failure::TimedOut,
        error => Failure::Server(Printable::text(error)),
    }
}
