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
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::transport::server::Connected;

use crate::{identity::TlsPublicKey, node::Node, tls};

const HANDSHAKE: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 256;
/// Of those, connections without a certificate, which anybody can open.
const STRANGERS: usize = 64;
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

/// One connection's place; free again when dropped.
#[derive(Debug)]
struct Seat {
    seats: Arc<Seats>,
    holder: Holder,
    rate: Arc<DefaultDirectRateLimiter>,
}

impl Seats {
    fn take(self: &Arc<Seats>, holder: Holder) -> Option<Arc<Seat>> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let stranger = matches!(holder, Holder::Stranger(_));
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
        Some(Arc::new(Seat { seats: Arc::clone(self), holder, rate }))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counted = self.seats.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.all -= 1;
        counted.strangers -= usize::from(matches!(self.holder, Holder::Stranger(_)));
        if let Some((count, _)) = counted.holders.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                counted.holders.remove(&self.holder);
            }
        }
    }
}

/// One connection whose handshake is done.
pub(crate) struct PeerStream {
    stream: TlsStream<TcpStream>,
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
        Pin::new(&mut self.stream).poll_read(cx, buf)
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
    let seats = Arc::new(Seats::default());
    // Handshakes hold a place of their own, before anybody knows who they are.
    let mut handshakes = JoinSet::new();
    loop {
        let arrived = tokio::select! {
            () = node.stopped() => return,
            () = accepted.closed() => return,
            Some(done) = handshakes.join_next() => {
                if let Err(error) = done {
                    tracing::error!(%error, "a handshake ended badly");
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
        let (seats, accepted) = (Arc::clone(&seats), accepted.clone());
        handshakes.spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::clone(&certified.server));
            match timeout(HANDSHAKE, shake(acceptor, stream, remote, &seats)).await {
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
    seats: &Arc<Seats>,
) -> io::Result<PeerStream> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let key = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).and_then(tls::public_key);
    let holder = match &key {
        Some(key) => Holder::Node(key.clone()),
        None => Holder::Stranger(remote.ip()),
    };
    let seat = seats.take(holder).ok_or_else(|| io::Error::other("too many connections"))?;
    Ok(PeerStream { stream, connection: PeerConnection { key, seat } })
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
        let mut taken: Vec<_> = (0..8).map(|_| seats.take(node(1)).expect("a place")).collect();
        assert!(seats.take(node(1)).is_none());
        assert!(seats.take(node(2)).is_some());
        taken.pop();
        assert!(seats.take(node(1)).is_some());
        drop(taken);
        let counted = seats.counted.lock().expect("no panic");
        assert_eq!((counted.all, counted.strangers, counted.holders.len()), (0, 0, 0));
    }

    #[test]
    fn strangers_leave_room_for_nodes() {
        let seats = Arc::new(Seats::default());
        let strangers: Vec<_> = (0..255).filter_map(|number| seats.take(stranger(number))).collect();
        assert_eq!(strangers.len(), STRANGERS);
        let nodes: Vec<_> = (0..255).filter_map(|number| seats.take(node(number))).collect();
        assert_eq!(nodes.len(), CONNECTIONS - STRANGERS);
    }

    #[test]
    fn requests_of_a_node_are_counted_over_its_connections() {
        let seats = Arc::new(Seats::default());
        let connection = || PeerConnection { key: None, seat: seats.take(node(1)).expect("a place") };
        let (first, second) = (connection(), connection());
        let asked = (0..60).filter(|turn| if turn % 2 == 0 { first.may_ask() } else { second.may_ask() }).count();
        assert!((50..60).contains(&asked), "{asked}");
    }
}
