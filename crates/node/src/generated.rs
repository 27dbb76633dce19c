//! Service stubs generated from `proto/`, servers and clients, and the descriptors that reflection serves.

#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]

/// Stubs of `folkmoot.academy.v1`.
pub mod academy {
    include!("gen/folkmoot.academy.v1.rs");
}
/// Stubs of `folkmoot.federation.v1`.
pub mod federation {
    include!("gen/folkmoot.federation.v1.rs");
}
/// Stubs of `folkmoot.hub.v1`.
pub mod hub {
    include!("gen/folkmoot.hub.v1.rs");
}
/// Stubs of `folkmoot.node.v1`.
pub mod node {
    include!("gen/folkmoot.node.v1.rs");
}

/// Every file descriptor of the project's protocol, encoded.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptors.bin");
