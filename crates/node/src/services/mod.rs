//! The services: each handler authorises, parses with all violations at once, makes one call, and converts.

pub(crate) mod appointment;
pub(crate) mod campaign;
pub(crate) mod curriculum;
pub(crate) mod hub;
pub(crate) mod indicator;
pub(crate) mod node;
mod paging;
pub(crate) mod policy;
pub(crate) mod programme;
pub(crate) mod record;
pub(crate) mod release;
pub(crate) mod report;
pub(crate) mod statistics;
pub(crate) mod verification;

use std::fmt::Display;
use std::str::FromStr;

use folkmoot_store::{Store, StoreError, UnixMillis};
use prost_types::Timestamp;
use tonic::Status;

use crate::node::Node;
use crate::status::{self, Violations};

/// Asks the node's store.
async fn ask<T: Send + 'static>(
    node: &Node,
    question: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Status> {
    node.on_store(question).await.map_err(status::store)
}

/// Reads a required field.
fn read<T>(field: &str, text: &str, violations: &mut Violations) -> Option<T>
where
    T: FromStr<Err: Display>,
{
    if text.is_empty() {
        violations.add(field, "is missing");
        return None;
    }
    text.parse().map_err(|error: T::Err| violations.add(field, error.to_string())).ok()
}

/// Reads the id out of a resource name such as `releases/ID`.
fn resource_id<'a>(field: &str, collection: &str, name: &'a str, violations: &mut Violations) -> Option<&'a str> {
    let id = name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/')).filter(|id| !id.is_empty());
    if id.is_none() {
        violations.add(field, format!("write it as {collection}/ID"));
    }
    id
}

fn timestamp(moment: UnixMillis) -> Timestamp {
    Timestamp {
        seconds: moment.0.div_euclid(1000),
        // The remainder of a division by 1000 is 0 to 999.
        nanos: moment.0.rem_euclid(1000) as i32 * 1_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_before_1970_are_moments_too() {
        for (millis, seconds, nanos) in [(0, 0, 0), (1_500, 1, 500_000_000), (-1, -1, 999_000_000)] {
            assert_eq!(timestamp(UnixMillis(millis)), Timestamp { seconds, nanos });
        }
    }

    #[test]
    fn a_resource_name_gives_its_id() {
        for (name, id) in [
            ("releases/2018-Q3.0", Some("2018-Q3.0")),
            ("people/a/b", None),
            ("releases/", None),
            ("releases", None),
            ("", None),
        ] {
            let mut violations = Violations::default();
            assert_eq!(resource_id("name", "releases", name, &mut violations), id);
            assert_eq!(violations.check().is_ok(), id.is_some());
        }
    }
}
