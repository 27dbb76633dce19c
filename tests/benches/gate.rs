//! A gate between two nodes: it lets a connection through when it is told, counts the bytes, and knows when the last of
//! them passed.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::nodes::rest;

/// Silence that means that all was said.
const SILENCE: Duration = Duration::from_millis(300);
const DEADLINE: Duration = Duration::from_secs(120);
/// What a TLS record with the dialler's first message begins with; all that it says later is of another kind (RFC 8446, 5.1 and D.4).
const TLS_HANDSHAKE: u8 = 22;

/// Stands for the listening node.
pub(crate) struct Gate {
    /// HOST:PORT to dial.
    pub(crate) address: String,
    shared: Arc<Shared>,
    /// Told of every connection that waits.
    waiting: mpsc::Receiver<()>,
}

struct Shared {
    open: watch::Sender<bool>,
    behind: Mutex<Option<SocketAddr>>,
    bytes: AtomicU64,
    last: Mutex<Instant>,
    handshake: Mutex<Handshake>,
}

/// How far a TLS handshake has come, by what passes.
#[derive(Clone, Copy, Default)]
enum Handshake {
    #[default]
    Begun,
    /// The dialler has sent its last message.
    Dialled,
    /// The acceptor has taken it, for it speaks.
    Done(Instant),
}

impl Shared {
    fn handshake(&self) -> MutexGuard<'_, Handshake> {
        self.handshake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees what the dialler says.
    fn dialled(&self, said: &[u8]) {
        let mut handshake = self.handshake();
        if matches!(*handshake, Handshake::Begun) && said.first() != Some(&TLS_HANDSHAKE) {
            *handshake = Handshake::Dialled;
        }
    }

    /// Sees that the acceptor says something.
    fn answered(&self) {
        let mut handshake = self.handshake();
        if matches!(*handshake, Handshake::Dialled) {
            *handshake = Handshake::Done(Instant::now());
        }
    }

    fn passed(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

impl Gate {
    pub(crate) fn build() -> Self {
        let shared = Arc::new(Shared {
            open: watch::channel(false).0,
            behind: Mutex::default(),
            bytes: AtomicU64::new(0),
            last: Mutex::new(Instant::now()),
            handshake: Mutex::default(),
        });
        let (told, waiting) = mpsc::channel();
        let (bound, address) = mpsc::channel();
        let keeping = Arc::clone(&shared);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                bound.send(listener.local_addr().expect("an address").to_string()).expect("a builder");
                while let Ok((near, _)) = listener.accept().await {
                    if told.send(()).is_err() {
                        break;
                    }
                    tokio::spawn(lead_through(near, Arc::clone(&keeping)));
                }
            });
        });
        Self { address: address.recv().expect("an address"), shared, waiting }
    }

    /// Says who stands behind the gate.
    pub(crate) fn leads_to(&self, address: &str) {
        let address = address.parse().expect("IP:PORT");
        *self.shared.behind.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// Lets the hub of a folder dial the gate in place of its Academy.
    pub(crate) fn stands_before(&self, folder: &Path) {
        let settings = folder.join("folkmoot.toml");
        let told = fs::read_to_string(&settings).expect("settings");
        let kept: Vec<&str> = told.lines().filter(|line| !line.starts_with("academy")).collect();
        fs::write(&settings, format!("{}\nacademy = \"{}\"\n", kept.join("\n"), self.address)).expect("settings");
    }

    /// Ends whatever goes through, and lets nothing through from now on.
    pub(crate) fn shut(&self) {
        self.shared.open.send_replace(false);
        while self.waiting.try_recv().is_ok() {}
    }

    /// Waits until somebody has dialled.
    pub(crate) fn await_caller(&self) {
        self.waiting.recv_timeout(DEADLINE).expect("somebody who dials");
    }

    /// Lets the connection through; counting begins.
    pub(crate) fn open(&self) -> Instant {
        self.shared.bytes.store(0, Ordering::Relaxed);
        *self.shared.handshake() = Handshake::Begun;
        let began = Instant::now();
        self.shared.open.send_replace(true);
        began
    }

    /// Megabytes that have passed since the gate was opened.
    pub(crate) fn megabytes(&self) -> f64 {
        self.shared.bytes.load(Ordering::Relaxed) as f64 / 1e6
    }

    /// When both ends had finished the TLS handshake, since the gate was opened.
    pub(crate) fn secured(&self) -> Instant {
        match *self.shared.handshake() {
            Handshake::Done(at) => at,
            Handshake::Begun | Handshake::Dialled => panic!("no handshake was finished"),
        }
    }

    /// Waits for silence; gives when the last byte passed.
    pub(crate) fn last_word(&self) -> Instant {
        loop {
            rest(SILENCE / 4);
            let last = *self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() > SILENCE {
                return last;
            }
        }
    }
}

async fn lead_through(near: TcpStream, shared: Arc<Shared>) {
    let mut open = shared.open.subscribe();
    if open.wait_for(|open| *open).await.is_err() {
        return;
    }
    let behind = *shared.behind.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(behind) = behind else { return };
    let Ok(far) = TcpStream::connect(behind).await else { return };
    for stream in [&near, &far] {
        stream.set_nodelay(true).expect("a socket");
    }
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::select! {
        () = carry(near_in, far_out, &shared, |said| shared.dialled(said)) => {}
        () = carry(far_in, near_out, &shared, |_| shared.answered()) => {}
        _ = open.wait_for(|open| !*open) => {}
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    heard: impl Fn(&[u8]),
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        heard(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
        shared.passed(read);
    }
}
