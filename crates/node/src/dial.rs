//! Dialling another node.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use rustls::{
    AlertDescription, CertificateError, ClientConfig,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use crate::{Error, settings::PeerAddress};

const CONNECT: Duration = Duration::from_secs(10);
/// A node greets at once; other software may wait for the dialler.
const GREETING: Duration = Duration::from_secs(2);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
const KEEPALIVE_WITHIN: Duration = Duration::from_secs(10);
/// How long a call that is no stream may take.
pub(crate) const CALL: Duration = Duration::from_secs(30);
const LOCAL_ERROR_RESETS: usize = 256;
const LARGEST_HEADERS: u32 = 16 << 10;
/// Room for frames on their way; credit bounds them too.
const STREAM_WINDOW: u32 = 512 << 10;

/// One connection to another node. It is not made again when it breaks.
pub(crate) struct Line {
    pub(crate) channel: Channel,
    /// The certificate that the other end showed, with proof that it holds its key.
    pub(crate) certificate: CertificateDer<'static>,
}

/// Dials a node.
pub(crate) async fn dial(address: &PeerAddress, config: ClientConfig) -> Result<Line, Error> {
    let unreachable = |source| Error::Unreachable { address: address.to_string(), source };
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer within ten seconds");
    let mut stream = match timeout(CONNECT, connect(address, config)).await {
        Ok(stream) => stream.map_err(|error| match is_of_another_key(&error) {
            true => Error::WrongNode { address: address.to_string() },
            false => unreachable(error),
        })?,
        Err(_) => return Err(unreachable(late())),
    };
    let greeting = match timeout(GREETING, hear(&mut stream)).await {
        Ok(Ok(greeting)) => greeting,
        Ok(Err(error)) => return Err(turned_away(address, error)),
        // It waits for this end to begin, as it may.
        Err(_) => Vec::new(),
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).cloned();
    let certificate = certificate.ok_or_else(|| unreachable(io::Error::other("it showed no certificate")))?;
    // One connection, which this line is; the transport may ask for it once.
    let mut once = Some(TokioIo::new(Greeted { greeting: io::Cursor::new(greeting), stream }));
    let connector = service_fn(move |_| {
        let stream = once.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
        async move { stream }
    });
    let channel = Endpoint::from_static("http://node.folkmoot.internal")
        .http2_keep_alive_interval(KEEPALIVE_EVERY)
        .keep_alive_timeout(KEEPALIVE_WITHIN)
        .keep_alive_while_idle(true)
        .http2_max_header_list_size(LARGEST_HEADERS)
        .http2_max_local_error_reset_streams(LOCAL_ERROR_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW)
        .connect_with_connector(connector)
        .await
        .map_err(|error| unreachable(io::Error::other(error)))?;
    Ok(Line { channel, certificate })
}

async fn connect(address: &PeerAddress, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect((address.host(), address.port())).await?;
    stream.set_nodelay(true)?;
    // Nobody resolves or checks the name: the key counts. A fixed one says nothing about who dials whom.
    let name = ServerName::try_from("node.folkmoot.internal").map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Takes the first bytes that the other end says. In TLS 1.3 it judges this end's certificate only after the handshake;
/// had this end begun to talk by then, its verdict could be lost with the connection.
async fn hear(stream: &mut TlsStream<TcpStream>) -> io::Result<Vec<u8>> {
    let mut greeting = vec![0; 64];
    let heard = stream.read(&mut greeting).await?;
    if heard == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    greeting.truncate(heard);
    Ok(greeting)
}

/// As the verifier of this end says where the key is not the expected one.
fn is_of_another_key(error: &io::Error) -> bool {
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    of_tls.is_some_and(|error| *error == CertificateError::ApplicationVerificationFailure.into())
}

fn turned_away(address: &PeerAddress, error: io::Error) -> Error {
    let address = address.to_string();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(AlertDescription::CertificateExpired)) => {
            Error::CertificateExpired { address }
        }
        Some(rustls::Error::AlertReceived(_)) => Error::CertificateRefused { address, source: error },
        Some(_) | None => Error::Unreachable { address, source: error },
    }
}

/// A TLS stream whose first bytes were read already.
struct Greeted {
    greeting: io::Cursor<Vec<u8>>,
    stream: TlsStream<TcpStream>,
}

impl AsyncRead for Greeted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Greeted { greeting, stream } = &mut *self;
        let before = buf.filled().len();
        // A cursor is always ready; at its end it adds nothing.
        match Pin::new(greeting).poll_read(cx, buf) {
            Poll::Ready(Ok(())) if buf.filled().len() == before => Pin::new(stream).poll_read(cx, buf),
            polled @ (Poll::Ready(_) | Poll::Pending) => polled,
        }
    }
}

impl AsyncWrite for Greeted {
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
