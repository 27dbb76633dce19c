//! What one connection may use, on the TLS port and on the socket. How many there are the listener says, how many
//! requests the access layer, how long a message the services.

use std::time::Duration;

use tonic::transport::Server;

const STREAMS: u32 = 64;
const LOCAL_ERROR_RESETS: usize = 256;
const PENDING_RESETS: usize = 20;
const HEADERS: u32 = 16 << 10;
const REQUEST: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
const KEEPALIVE_WITHIN: Duration = Duration::from_secs(10);
const CONNECTION_AGE: Duration = Duration::from_secs(60 * 60);
/// Room for frames on their way in; credit bounds them too.
const WINDOW: u32 = 512 << 10;

/// A server for the TLS port, with every limit.
pub(crate) fn port_server() -> Server {
    // The library switches off hyper's own bounds on streams and resets unless they are given.
    Server::builder()
        .max_concurrent_streams(STREAMS)
        .http2_max_local_error_reset_streams(Some(LOCAL_ERROR_RESETS))
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS))
        .http2_max_header_list_size(HEADERS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .timeout(REQUEST)
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_WITHIN))
        .max_connection_age(CONNECTION_AGE)
}

/// A server for the Unix socket: its owner may take its time.
pub(crate) fn socket_server() -> Server {
    Server::builder().http2_max_header_list_size(HEADERS)
}
