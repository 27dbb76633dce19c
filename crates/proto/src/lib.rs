//! The messages that nodes and clients exchange, generated from `proto/`.
//!
//! Invariant: no decision is taken here, and no service is named here; stubs live with the node.

#[allow(missing_docs, unused_qualifications, clippy::all)]
mod generated {
    pub mod academy {
        include!("gen/folkmoot.academy.v1.rs");
    }
    pub mod federation {
        include!("gen/folkmoot.federation.v1.rs");
    }
    pub mod hub {
        include!("gen/folkmoot.hub.v1.rs");
    }
    pub mod node {
        include!("gen/folkmoot.node.v1.rs");
    }
}

/// What the Academy's own people and programs ask of its node.
pub mod academy {
    pub use crate::generated::academy as v1;
}
/// The only traffic between nodes, and the payloads of log entries.
pub mod federation {
    pub use crate::generated::federation as v1;
}
/// What a hub's own people and programs ask of their node.
pub mod hub {
    pub use crate::generated::hub as v1;
}
/// What the operator of a node asks of it.
pub mod node {
    pub use crate::generated::node as v1;
}
