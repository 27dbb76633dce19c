//! The TLS port: our own accept loop, with its limits.
//!
//! The TLS config is read anew for each connection, so that a renewed certificate needs no restart. A peer that is slow
//! to shake hands, or comes too often, costs a timeout and never the loop.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{Sleep, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::transport::server::Connected;

use crate::{identity::TlsPublicKey, node::Node, telemetry, tls};

const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may take to begin to talk once the handshake is done.
const FIRST_BYTES: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 256;
/// Of those, connections without a key that the directory lists, which anybody can open. As many handshakes at once.
const STRANGERS: usize = 64;
/// Handshakes at once of one address: it cannot keep all others out.
const HANDSHAKES_PER_ADDRESS: usize = STRANGERS / 2;
const CONNECTIONS_PER_NODE: usize = 8;
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("50 is not zero");
/// How long the loop rests when the system has no more descriptors or memory.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(200);

/// What a connection at the TLS port has proved. A request carries it as an extension.
#[derive(Debug, Clone)]
pub(crate) struct PeerConnection {
    /// The key that the peer holds; `None` without a certificate.
    pub(crate) key: Option<TlsPublicKey>,
    seat: Arc<Seat>,
}

impl PeerConnection {
    /// Counts a request against the rate that its node may have.
    pub(crate) fn may_ask(&self) -> bool {
        self.seat.rate.check().is_ok()
    }
}

/// Whose connections are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Node(TlsPublicKey),
    Stranger(IpAddr),
}

#[derive(Debug, Default)]
struct Counted {
    all: usize,
    strangers: usize,
    holders: BTreeMap<Holder, (usize, Arc<DefaultDirectRateLimiter>)>,
}

/// The places for connections.
#[derive(Debug, Default)]
struct Seats {
    counted: Mutex<Counted>,
}

/// The handshakes under way, by address.
#[derive(Debug, Default)]
struct Turns {
    counted: Mutex<BTreeMap<IpAddr, usize>>,
}

/// One handshake's turn; over when dropped.
#[derive(Debug)]
struct Turn {
    turns: Arc<Turns>,
    address: IpAddr,
}

impl Turns {
    fn take(self: &Arc<Turns>, address: IpAddr) -> Option<Turn> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counted.entry(address).or_default();
        if *count >= HANDSHAKES_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Turn { turns: Arc::clone(self), address })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counted = self.turns.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counted.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counted.remove(&self.address);
            }
        }
    }
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
struct Seat {
    seats: Arc<Seats>,
    holder: Holder,
    stranger: bool,
    rate: Arc<DefaultDirectRateLimiter>,
}

impl Seats {
    /// A place for a connection of somebody whose key the directory lists, or does not.
    fn take(self: &Arc<Seats>, holder: Holder, listed: bool) -> Option<Arc<Seat>> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let stranger = !listed;
        let held = counted.holders.get(&holder).map_or(0, |(count, _)| *count);
        if counted.all >= CONNECTIONS || held >= CONNECTIONS_PER_NODE || (stranger && counted.strangers >= STRANGERS) {
            return None;
        }
        counted.all += 1;
        counted.strangers += usize::from(stranger);
        let (count, rate) = counted
            .holders
            .entry(holder.clone())
            .or_insert_with(|| (0, Arc::new(DefaultDirectRateLimiter::direct(Quota::per_second(REQUESTS_PER_SECOND)))));
        *count += 1;
        let rate = Arc::clone(rate);
        Some(Arc::new(Seat { seats: Arc::clone(self), holder, stranger, rate }))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counted = self.seats.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.all -= 1;
        counted.strangers -= usize::from(self.stranger);
        if let Some((count, _)) = counted.holders.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                counted.holders.remove(&self.holder);
            }
        }
    }
}

/// When a client that has said nothing yet is given up. The HTTP/2 library would wait for ever.
#[derive(Debug)]
struct FirstBytes {
    late: Option<Pin<Box<Sleep>>>,
}

impl FirstBytes {
    fn within(span: Duration) -> FirstBytes {
        FirstBytes { late: Some(Box::pin(sleep(span))) }
    }

    fn or_late(&mut self, read: Poll<io::Result<()>>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match (&read, &mut self.late) {
            (Poll::Ready(_), late) => {
                *late = None;
                read
            }
            (Poll::Pending, Some(late)) => late.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            (Poll::Pending, None) => read,
        }
    }
}

/// One connection whose handshake is done.
pub(crate) struct PeerStream {
    stream: TlsStream<TcpStream>,
    first_bytes: FirstBytes,
    connection: PeerConnection,
}

impl Connected for PeerStream {
    type ConnectInfo = PeerConnection;

    fn connect_info(&self) -> PeerConnection {
        self.connection.clone()
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.first_bytes.or_late(read, cx)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Accepts connections until the node stops or nobody takes them any more.
pub(crate) async fn accept(node: Arc<Node>, listener: TcpListener, accepted: mpsc::Sender<io::Result<PeerStream>>) {
    let (seats, turns) = (Arc::new(Seats::default()), Arc::new(Turns::default()));
    // Handshakes hold a place of their own, before anybody knows who they are.
    let mut handshakes = JoinSet::new();
    loop {
        let arrived = tokio::select! {
            () = node.stopped() => return,
            () = accepted.closed() => return,
            Some(done) = handshakes.join_next() => {
                if let Err(task) = done {
                    tracing::error!(end = telemetry::end_of(&task), "a handshake ended badly");
                }
                continue;
            }
            arrived = listener.accept(), if handshakes.len() < STRANGERS => arrived,
        };
        let (stream, remote) = match arrived {
            Ok(arrived) => arrived,
            Err(error) => {
                if !is_of_the_connection(&error) {
                    tracing::warn!(%error, "cannot accept connections; trying again");
                    sleep(OUT_OF_DESCRIPTORS).await;
                }
                continue;
            }
        };
        let Some(certified) = node.certified() else { continue };
        let Some(turn) = turns.take(remote.ip()) else {
            tracing::debug!(%remote, "too many handshakes at once of one address");
            continue;
        };
        let (node, seats, accepted) = (Arc::clone(&node), Arc::clone(&seats), accepted.clone());
        handshakes.spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::clone(&certified.server));
            let shaken = timeout(HANDSHAKE, shake(acceptor, stream, remote, &node, &seats)).await;
            drop(turn);
            match shaken {
                Ok(Ok(stream)) => {
                    // Fails only when the node stops.
                    let _ = accepted.send(Ok(stream)).await;
                }
                Ok(Err(error)) => tracing::debug!(%remote, %error, "handshake refused"),
                Err(_) => tracing::debug!(%remote, "handshake took too long"),
            }
        });
    }
}

async fn shake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    remote: SocketAddr,
    node: &Node,
    seats: &Arc<Seats>,
) -> io::Result<PeerStream> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let key = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).and_then(tls::public_key);
    let holder = match &key {
        Some(key) => Holder::Node(key.clone()),
        None => Holder::Stranger(remote.ip()),
    };
    let listed = key.as_ref().is_some_and(|key| node.directory().by_tls_key(&key.0).is_some());
    let seat = seats.take(holder, listed).ok_or_else(|| io::Error::other("too many connections"))?;
    Ok(PeerStream { stream, first_bytes: FirstBytes::within(FIRST_BYTES), connection: PeerConnection { key, seat } })
}

/// Errors of one connection that was gone before it was accepted, as opposed to the system running short.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn node(number: u8) -> Holder {
        Holder::Node(TlsPublicKey([number].as_slice().into()))
    }

    fn stranger(number: u8) -> Holder {
        Holder::Stranger([127, 0, 0, number].into())
    }

    #[test]
    fn a_node_has_eight_places_and_gets_them_back() {
        let seats = Arc::new(Seats::default());
        let mut taken: Vec<_> = (0..8).map(|_| seats.take(node(1), true).expect("a place")).collect();
        assert!(seats.take(node(1), true).is_none());
        assert!(seats.take(node(2), true).is_some());
        taken.pop();
        assert!(seats.take(node(1), true).is_some());
        drop(taken);
        let counted = seats.counted.lock().expect("no panic");
        assert_eq!((counted.all, counted.strangers, counted.holders.len()), (0, 0, 0));
    }

    #[test]
    fn strangers_leave_room_for_nodes_whatever_keys_they_make_up() {
        for holder in [stranger, node] {
            let seats = Arc::new(Seats::default());
            let strangers: Vec<_> = (0..255).filter_map(|number| seats.take(holder(number), false)).collect();
            assert_eq!(strangers.len(), STRANGERS);
            // Of other keys than those made up.
            let listed = |number: u8| Holder::Node(TlsPublicKey([1, number].as_slice().into()));
            let nodes: Vec<_> = (0..255).filter_map(|number| seats.take(listed(number), true)).collect();
            assert_eq!(nodes.len(), CONNECTIONS - STRANGERS);
            drop((strangers, nodes));
            let counted = seats.counted.lock().expect("no panic");
            assert_eq!((counted.all, counted.strangers, counted.holders.len()), (0, 0, 0));
        }
    }

    #[test]
    fn one_address_leaves_handshakes_to_others() {
        let turns = Arc::new(Turns::default());
        let (here, elsewhere) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let mut taken: Vec<_> = std::iter::from_fn(|| turns.take(here)).collect();
        assert_eq!(taken.len(), HANDSHAKES_PER_ADDRESS);
        assert!(turns.take(elsewhere).is_some());
        taken.pop();
        assert!(turns.take(here).is_some());
        drop(taken);
        assert!(turns.counted.lock().expect("no panic").is_empty());
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_is_given_up_and_one_that_spoke_is_not() {
        let mut silent = FirstBytes::within(Duration::ZERO);
        let error = poll_fn(|cx| silent.or_late(Poll::Pending, cx)).await.expect_err("late");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let mut spoke = FirstBytes::within(Duration::ZERO);
        poll_fn(|cx| spoke.or_late(Poll::Ready(Ok(())), cx)).await.expect("heard");
        let waits = poll_fn(|cx| Poll::Ready(spoke.or_late(Poll::Pending, cx).is_pending())).await;
        assert!(waits);
    }

    #[test]
    fn requests_of_a_node_are_counted_over_its_connections() {
        let seats = Arc::new(Seats::default());
        let connection = || PeerConnection { key: None, seat: seats.take(node(1), true).expect("a place") };
        let (first, second) = (connection(), connection());
        let asked = (0..60).filter(|turn| if turn % 2 == 0 { first.may_ask() } else { second.may_ask() }).count();
        assert!((50..60).contains(&asked), "{asked}");
    }
}
