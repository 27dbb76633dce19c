//! What the messages of the exchange hold, read and made.

use folkmoot_proto::federation::v1;
use folkmoot_proto::federation::v1::exchange_message::Body;

use super::{CloseReason, INITIAL_CREDIT, LEAST_CREDIT, ReleasesWanted, Scope, Setup, Subscriptions};
use crate::digest::bucket_of;
use crate::entry::FORMAT;
use crate::id::{FederationId, Incarnation};
use crate::topic::{Cursor, Topic};

/// The version of the protocol that this software speaks.
pub(super) const PROTOCOL_VERSION: u32 = 1;
/// The longest address or software name that is kept of a Hello, in characters.
const TEXT_LIMIT: usize = 255;
/// How many cursors one side may show in one comparison.
const CURSOR_LIMIT: usize = 1 << 18;
/// The bytes of a Tips message, at most, and of the parts that it is made of.
const TIPS_BYTES: usize = 512 * 1024;
const CURSOR_BYTES: usize = 96;
const TOPIC_BYTES: usize = 48;

/// What a Hello says.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) incarnation: Incarnation,
    pub(super) address: Option<String>,
    pub(super) software: String,
    pub(super) subscriptions: Subscriptions,
    pub(super) credit: u32,
}

pub(super) fn hello(setup: &Setup) -> Body {
    let releases = match setup.subscriptions.releases {
        ReleasesWanted::Own => v1::subscriptions::Releases::Own,
        ReleasesWanted::All => v1::subscriptions::Releases::All,
    };
    Body::Hello(v1::Hello {
        protocol_versions: vec![PROTOCOL_VERSION],
        entry_formats: vec![u32::from(FORMAT)],
        federation: setup.federation.0.to_vec(),
        incarnation: setup.incarnation.0,
        address: setup.address.clone().unwrap_or_default(),
        subscriptions: Some(v1::Subscriptions { releases: releases.into() }),
        software: setup.software.clone(),
        credit: INITIAL_CREDIT,
    })
}

pub(super) fn read_hello(hello: v1::Hello, federation: FederationId) -> Result<Greeting, CloseReason> {
    if hello.federation != federation.0 {
        return Err(CloseReason::OtherFederation);
    }
    let versions = hello.protocol_versions.contains(&PROTOCOL_VERSION);
    if !versions || !hello.entry_formats.contains(&u32::from(FORMAT)) {
        return Err(CloseReason::NoCommonVersion);
    }
    if hello.credit < LEAST_CREDIT {
        return Err(CloseReason::ProtocolError("the first credit is less than the largest frame"));
    }
    let releases = match hello.subscriptions.unwrap_or_default().releases() {
        v1::subscriptions::Releases::All => ReleasesWanted::All,
        v1::subscriptions::Releases::Own | v1::subscriptions::Releases::Unspecified => ReleasesWanted::Own,
    };
    let printable = |text: String| text.chars().filter(|c| !c.is_control()).take(TEXT_LIMIT).collect::<String>();
    Ok(Greeting {
        incarnation: Incarnation(hello.incarnation),
        address: Some(printable(hello.address)).filter(|address| !address.is_empty()),
        software: printable(hello.software),
        subscriptions: Subscriptions { releases },
        credit: hello.credit,
    })
}

/// Tips of one side, as they come in over several messages.
#[derive(Debug, Default)]
pub(super) struct TipsSoFar {
    pub(super) buckets: Vec<u8>,
    pub(super) topics: Vec<(Topic, Vec<Cursor>)>,
    cursors: usize,
}

impl TipsSoFar {
    /// Awaits the tips of these buckets; of those that the first message names, where there are none.
    pub(super) fn of(buckets: Vec<u8>) -> Self {
        TipsSoFar { buckets, topics: Vec::new(), cursors: 0 }
    }

    /// Takes one message in. Topics ascend, and so do the logs of a topic, over all messages of one comparison.
    pub(super) fn take(&mut self, tips: v1::Tips, scope: &Scope) -> Result<(), &'static str> {
        let buckets: Vec<u8> = tips
            .buckets
            .iter()
            .map(|bucket| u8::try_from(*bucket).map_err(|_| "a bucket over 255"))
            .collect::<Result<_, _>>()?;
        if buckets.is_empty() || !buckets.is_sorted_by(|one, other| one < other) {
            return Err("buckets that do not ascend");
        }
        if self.buckets.is_empty() {
            self.buckets = buckets;
        } else if self.buckets != buckets {
            return Err("tips of other buckets than before");
        }
        for topic in tips.topics {
            self.take_topic(topic, scope)?;
        }
        Ok(())
    }

    fn take_topic(&mut self, tips: v1::TopicTips, scope: &Scope) -> Result<(), &'static str> {
        let topic = Topic::from_slice(&tips.topic).map_err(|_| "a topic that cannot be read")?;
        if !scope.wants(topic) {
            return Err("tips of a topic that is not shared");
        }
        if !self.buckets.contains(&bucket_of(topic)) {
            return Err("tips of a topic outside the buckets");
        }
        match self.topics.last() {
            Some((last, _)) if *last > topic => return Err("topics that do not ascend"),
            Some((last, _)) if *last == topic => (),
            Some(_) | None => self.topics.push((topic, Vec::new())),
        }
        self.cursors += tips.tips.len();
        if self.cursors > CURSOR_LIMIT {
            return Err("too many tips");
        }
        let Some((_, held)) = self.topics.last_mut() else { return Ok(()) };
        for cursor in &tips.tips {
            let cursor = Cursor::from_wire(cursor).map_err(|_| "a cursor that cannot be read")?;
            if held.last().is_some_and(|last| last.log(topic) >= cursor.log(topic)) {
                return Err("logs that do not ascend");
            }
            held.push(cursor);
        }
        Ok(())
    }
}

/// Cuts tips into messages that stay under the limit.
pub(super) fn tips(round: u32, buckets: &[u8], mut topics: Vec<(Topic, Vec<Cursor>)>) -> Vec<v1::Tips> {
    topics.sort_unstable();
    let message = || v1::Tips {
        round,
        buckets: buckets.iter().map(|bucket| u32::from(*bucket)).collect(),
        topics: Vec::new(),
        more: true,
    };
    let mut messages = vec![message()];
    let mut bytes = 0;
    for (topic, mut cursors) in topics {
        cursors.sort_unstable();
        for cursor in cursors {
            if bytes + CURSOR_BYTES + TOPIC_BYTES > TIPS_BYTES {
                messages.push(message());
                bytes = 0;
            }
            let Some(current) = messages.last_mut() else { continue };
            match current.topics.last_mut() {
                Some(last) if last.topic == topic.to_bytes() => last.tips.push(cursor.to_wire()),
                Some(_) | None => {
                    bytes += TOPIC_BYTES;
                    current
                        .topics
                        .push(v1::TopicTips { topic: topic.to_bytes().to_vec(), tips: vec![cursor.to_wire()] });
                }
            }
            bytes += CURSOR_BYTES;
        }
    }
    if let Some(last) = messages.last_mut() {
        last.more = false;
    }
    messages
}
