//! A DNS server that a test can change and break.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::DEADLINE;

/// A DNS server on a port of its own, over UDP and TCP.
#[derive(Debug)]
pub struct Dns {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What becomes of every question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// It is answered from the zone; a name that isn't there doesn't exist.
    #[default]
    Well,
    /// It isn't answered at all.
    Silent,
    /// SERVFAIL.
    Failing,
    /// NXDOMAIN.
    Forgetful,
    /// The name exists, but has no records.
    Empty,
    /// The answer doesn't fit into a datagram.
    Verbose,
    /// Questions of this type aren't answered.
    SilentOn(RecordType),
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    mood: Mutex<Mood>,
    zone: Mutex<HashMap<String, Vec<Record>>>,
    asked: Mutex<Vec<Asked>>,
}

/// A question that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// In lower case, with the dot at its end.
    pub name: String,
    /// What was asked for.
    pub record_type: RecordType,
    /// It came over TCP, not UDP.
    pub over_tcp: bool,
}

impl Dns {
    /// Starts with an empty zone.
    pub fn start() -> Self {
        let (udp, tcp) = sockets();
        let address = udp.local_addr().expect("an address");
        let shared = Arc::<Shared>::default();
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, client)) = udp.recv_from(&mut buffer) {
                if server.stop.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(response) = server.respond(&buffer[..length], false) {
                    let _ = udp.send_to(&response, client);
                }
            }
        });
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in tcp.incoming() {
                if server.stop.load(Ordering::Relaxed) {
                    return;
                }
                let server = Arc::clone(&server);
                std::thread::spawn(move || stream.and_then(|stream| server.serve(stream)));
            }
        });
        Self { address, shared }
    }

    /// Where it is asked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A section `[dns]` that has this server asked, often.
    pub fn section(&self) -> String {
        format!("[dns]\nservers = [\"{}\"]\ntimeout = \"500ms\"\nmin_ttl = \"1s\"\n", self.address)
    }

    /// Treats each question like this from now on.
    pub fn set_mood(&self, mood: Mood) {
        *self.shared.mood.lock().expect("no panic") = mood;
    }

    /// The name has exactly these addresses.
    pub fn set_host(&self, name: &str, ttl: u32, addresses: &[IpAddr]) {
        self.set(name, ttl, addresses.iter().map(|&address| address.into()).collect());
    }

    /// The service has exactly these records: priority, weight, port, host.
    pub fn set_service(&self, name: &str, ttl: u32, records: &[(u16, u16, u16, &str)]) {
        let record = |&(priority, weight, port, host): &(_, _, _, &str)| {
            RData::SRV(SRV::new(priority, weight, port, Name::from_ascii(host).expect("a name")))
        };
        self.set(name, ttl, records.iter().map(record).collect());
    }

    /// The name stands for another one.
    pub fn set_alias(&self, name: &str, ttl: u32, target: &str) {
        self.set(name, ttl, vec![RData::CNAME(CNAME(Name::from_ascii(target).expect("a name")))]);
    }

    fn set(&self, name: &str, ttl: u32, data: Vec<RData>) {
        let owner = Name::from_ascii(name).expect("a name");
        let records = data.into_iter().map(|data| Record::from_rdata(owner.clone(), ttl, data)).collect();
        self.shared.zone.lock().expect("no panic").insert(name.to_owned(), records);
    }

    /// Every question so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().expect("no panic").clone()
    }

    /// How often this was asked.
    pub fn count(&self, name: &str, record_type: RecordType) -> usize {
        let asked = self.asked();
        asked.iter().filter(|asked| asked.name == name && asked.record_type == record_type).count()
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes both threads up.
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(&[], self.address));
        let _ = TcpStream::connect_timeout(&self.address, DEADLINE);
    }
}

/// A port that is free for both.
fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("an address")) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for UDP and TCP");
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(DEADLINE))?;
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut query = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut query)?;
            if let Some(response) = self.respond(&query, true) {
                let length = u16::try_from(response.len()).expect("a response that fits");
                stream.write_all(&length.to_be_bytes())?;
                stream.write_all(&response)?;
            }
        }
    }

    /// The response to a query; none to what isn't to be answered.
    fn respond(&self, query: &[u8], over_tcp: bool) -> Option<Vec<u8>> {
        let mut response = Message::from_vec(query).ok()?;
        response.edns = None;
        response.additionals.clear();
        response.metadata.message_type = MessageType::Response;
        response.metadata.recursion_available = true;
        let question = response.queries.first()?;
        let (record_type, owner) = (question.query_type(), question.name().clone());
        let name = owner.to_ascii().to_ascii_lowercase();
        self.asked.lock().expect("no panic").push(Asked { name: name.clone(), record_type, over_tcp });
        match *self.mood.lock().expect("no panic") {
            Mood::Silent => return None,
            Mood::SilentOn(silent) if silent == record_type => return None,
            Mood::Failing => response.metadata.response_code = ResponseCode::ServFail,
            Mood::Forgetful => response.metadata.response_code = ResponseCode::NXDomain,
            Mood::Verbose if !over_tcp => response.metadata.truncation = true,
            Mood::Empty => {}
            Mood::Well | Mood::Verbose | Mood::SilentOn(_) => {
                match answer(&self.zone.lock().expect("no panic"), name, record_type) {
                    None => response.metadata.response_code = ResponseCode::NXDomain,
                    Some(records) => response.answers.extend(records),
                }
            }
        }
        Some(response.to_vec().expect("a response"))
    }
}

/// The records of this type, behind the aliases that lead to them; `None` if there is no such name.
fn answer(
    zone: &HashMap<String, Vec<Record>>,
    mut name: String,
    record_type: RecordType,
) -> Option<Vec<Record>> {
    let mut answer = Vec::new();
    loop {
        let records = zone.get(&name)?;
        answer.extend(records.iter().filter(|record| record.record_type() == record_type).cloned());
        let alias = records.iter().find(|record| record.record_type() == RecordType::CNAME);
        let Some(alias) = alias else { return Some(answer) };
        answer.push(alias.clone());
        name = match &alias.data {
            RData::CNAME(CNAME(target)) => target.to_ascii(),
            _ => return Some(answer),
        };
    }
}
