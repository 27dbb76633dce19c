//! A relay between hubs and the Academy that strikes in the middle of a conversation.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

type Strike = Box<dyn FnOnce() + Send>;

/// Forwards every connection, and counts the bytes of both directions.
#[derive(Clone)]
pub(crate) struct Relay {
    shared: Arc<Mutex<Shared>>,
    /// HOST:PORT to dial.
    pub(crate) address: String,
}

#[derive(Default)]
struct Shared {
    target: Option<String>,
    left: u64,
    strike: Option<Strike>,
}

impl Relay {
    /// Listens on a free port; connections fail until it is aimed.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let relay = Self { shared: Arc::default(), address };
        let accepting = relay.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Some(far) = accepting.lock().target.clone().and_then(|target| TcpStream::connect(target).ok())
                else {
                    continue;
                };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
                    let relay = accepting.clone();
                    thread::spawn(move || relay.forward(from, to));
                }
            }
        });
        relay
    }

    /// Says where connections go from now on.
    pub(crate) fn aim(&self, target: &str) {
        self.lock().target = Some(target.to_owned());
    }

    /// Calls `strike` before the byte is forwarded that comes after `bytes` more have passed.
    pub(crate) fn strike_after(&self, bytes: u64, strike: impl FnOnce() + Send + 'static) {
        let mut shared = self.lock();
        shared.left = bytes;
        shared.strike = Some(Box::new(strike));
    }

    /// Takes the strike back; `false` where it has happened.
    pub(crate) fn spare(&self) -> bool {
        self.lock().strike.take().is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forward(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let strike = {
                let mut shared = self.lock();
                let passed = read as u64;
                let due = shared.left < passed;
                shared.left = shared.left.saturating_sub(passed);
                shared.strike.take_if(|_| due)
            };
            if let Some(strike) = strike {
                strike();
            }
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        // The other direction notices by itself.
        let _ = to.shutdown(Shutdown::Write);
        let _ = from.shutdown(Shutdown::Read);
    }
}
