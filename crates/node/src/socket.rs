//! The Unix socket in the node's folder: the operator's door.

use std::{
    fs::{self, File, Permissions},
    io,
    os::{
        fd::AsRawFd,
        unix::{
            ffi::OsStrExt,
            fs::PermissionsExt,
            net::{UnixListener as StdListener, UnixStream as StdStream},
        },
    },
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
    sync::mpsc,
    time::sleep,
};
use tonic::transport::{Channel, Endpoint, server::Connected};
use tower::service_fn;

use crate::{
    Error,
    authority::HostNames,
    folder::Folder,
    node::Node,
    settings::{Overrides, Settings, role_code},
};

/// What the kernel takes as a socket's path, its closing zero byte left out.
const LONGEST_PATH: usize = 107;
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(200);

/// A path short enough for the kernel. A long one goes through the folder, opened, in /proc.
struct ShortPath {
    path: PathBuf,
    /// Open as long as the path is in use.
    _folder: Option<File>,
}

impl ShortPath {
    fn of(socket: &Path) -> Result<ShortPath, Error> {
        if socket.as_os_str().as_bytes().len() <= LONGEST_PATH {
            return Ok(ShortPath { path: socket.to_owned(), _folder: None });
        }
        let too_long = || Error::SocketPath { path: socket.to_owned() };
        let (folder, name) = socket.parent().zip(socket.file_name()).ok_or_else(too_long)?;
        let opened = File::open(folder).map_err(Error::file("open", folder))?;
        let via = Path::new("/proc/self/fd").join(opened.as_raw_fd().to_string());
        match via.exists() {
            true => Ok(ShortPath { path: via.join(name), _folder: Some(opened) }),
            false => Err(too_long()),
        }
    }
}

/// Binds the socket. One that a killed process left behind is replaced: the caller holds the folder's lock.
pub(crate) fn bind(folder: &Folder) -> Result<UnixListener, Error> {
    let socket = folder.socket();
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::file("replace", &socket)(error)),
        Ok(()) | Err(_) => {}
    }
    let short = ShortPath::of(&socket)?;
    // The folder is 0700: nobody else reaches the socket before its mode is set.
    let listener = StdListener::bind(&short.path).map_err(Error::file("bind", &socket))?;
    fs::set_permissions(&socket, Permissions::from_mode(0o600)).map_err(Error::file("set the mode of", &socket))?;
    listener.set_nonblocking(true).map_err(Error::file("bind", &socket))?;
    UnixListener::from_std(listener).map_err(Error::file("bind", &socket))
}

/// Connects to the node that runs in a folder.
///
/// # Errors
/// When no node runs there, in words that say how to start it.
pub async fn connect(data: &Path) -> Result<Channel, Error> {
    let folder = Folder::open(data)?;
    let settings = Settings::read(&folder.settings(), &Overrides::default())?;
    let socket = folder.socket();
    let tried = ShortPath::of(&socket).and_then(|short| {
        StdStream::connect(&short.path).map_err(|error| {
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) {
                Error::NotServed { path: data.to_owned(), role: role_code(settings.role) }
            } else {
                Error::file("connect to", &socket)(error)
            }
        })
    });
    drop(tried?);
    let socket = Arc::new(socket);
    let connector = service_fn(move |_| {
        let socket = Arc::clone(&socket);
        async move {
            let short = ShortPath::of(&socket).map_err(io::Error::other)?;
            Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(&short.path).await?))
        }
    });
    // The authority is never resolved: the connector knows the way.
    Ok(Endpoint::from_static("http://node.folkmoot.internal").connect_with_connector_lazy(connector))
}

/// What a connection at the Unix socket has proved. A request carries it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OperatorConnection {
    /// The number of the user at the other end.
    pub(crate) uid: u32,
}

/// One connection of the node's own user, or of root.
pub(crate) struct OperatorStream {
    stream: UnixStream,
    connection: OperatorConnection,
    names: HostNames,
}

impl Connected for OperatorStream {
    type ConnectInfo = OperatorConnection;

    fn connect_info(&self) -> OperatorConnection {
        self.connection
    }
}

impl AsyncRead for OperatorStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(new) = buf.filled_mut().get_mut(before..) {
            self.names.mend(new);
        }
        read
    }
}

impl AsyncWrite for OperatorStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Accepts connections until the node stops or nobody takes them any more.
pub(crate) async fn accept(
    node: Arc<Node>,
    listener: UnixListener,
    accepted: mpsc::Sender<io::Result<OperatorStream>>,
) {
    let own = rustix::process::geteuid().as_raw();
    loop {
        let arrived = tokio::select! {
            () = node.stopped() => return,
            () = accepted.closed() => return,
            arrived = listener.accept() => arrived,
        };
        let credentials = arrived.and_then(|(stream, _)| stream.peer_cred().map(|credentials| (stream, credentials)));
        match credentials {
            Ok((stream, credentials)) if may_enter(own, credentials.uid()) => {
                let connection = OperatorConnection { uid: credentials.uid() };
                // Fails only when the node stops.
                let _ = accepted.send(Ok(OperatorStream { stream, connection, names: HostNames::new() })).await;
            }
            Ok((_, credentials)) => tracing::warn!(uid = credentials.uid(), "another user was turned away"),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection at the socket; trying again");
                sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
}

fn may_enter(own: u32, uid: u32) -> bool {
    uid == own || uid == 0
}
