//! Who looks at which campaign just now: said between members, kept in memory for a minute, and never stored.
//!
//! What is said is a hint. It names hubs and how many look, never people; it comes from the hub itself, or from the Academy
//! where that relays the campaign, and goes no further.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use folkmoot_journal::{CampaignId, NodeId, Topic};
use folkmoot_proto::federation::v1;
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;

use crate::node::{Node, raised};

/// How long something that was said holds.
const HOLDS: Duration = Duration::from_secs(60);
/// How often it is said again.
const SAID_EVERY: Duration = Duration::from_secs(20);
/// How many hubs in campaigns are remembered at most.
const REMEMBERED: usize = 10_000;
/// How many people one hub is believed to have there.
const PEOPLE: u32 = 1_000;
/// What waits for a stream that is slow. Whatever is lost is said again.
const WAITING: usize = 256;

/// What is to be said to others.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) presence: v1::Presence,
    pub(crate) campaign: CampaignId,
    /// Who said it to this node; nobody where it is this node's own.
    pub(crate) heard_of: Option<NodeId>,
}

struct There {
    incarnation: u64,
    count: u64,
    people: u32,
    until: Instant,
}

#[derive(Default)]
struct Looks {
    here: HashMap<CampaignId, u32>,
    there: HashMap<(CampaignId, NodeId), There>,
    /// Counts what this process has said.
    count: u64,
}

/// Who looks at what, here and at other hubs.
pub(crate) struct Presence {
    me: NodeId,
    incarnation: u64,
    looks: Mutex<Looks>,
    changed: watch::Sender<u64>,
    said: broadcast::Sender<Said>,
}

impl Presence {
    pub(crate) fn new(me: NodeId, incarnation: u64) -> Arc<Self> {
        let (changed, said) = (watch::Sender::new(0), broadcast::Sender::new(WAITING));
        Arc::new(Self { me, incarnation, looks: Mutex::default(), changed, said })
    }

    /// Somebody looks at the campaign, until what this gives is dropped.
    pub(crate) fn look(self: &Arc<Self>, campaign: CampaignId) -> Looking {
        self.count(campaign, |people| people.saturating_add(1));
        Looking { presence: Arc::clone(self), campaign }
    }

    fn count(&self, campaign: CampaignId, change: impl FnOnce(u32) -> u32) {
        let mut looks = self.lock();
        let people = change(looks.here.get(&campaign).copied().unwrap_or(0));
        match people {
            0 => drop(looks.here.remove(&campaign)),
            _ => drop(looks.here.insert(campaign, people)),
        }
        self.say(&mut looks, campaign, people);
        drop(looks);
        self.changed.send_modify(|count| *count += 1);
    }

    fn say(&self, looks: &mut Looks, campaign: CampaignId, people: u32) {
        looks.count += 1;
        let (hub, count) = (self.me.0.to_vec(), looks.count);
        let presence =
            v1::Presence { campaign: campaign.0.to_vec(), hub, incarnation: self.incarnation, count, people };
        // Nobody may be listening.
        let _ = self.said.send(Said { presence, campaign, heard_of: None });
    }

    /// What is said from here on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Said> {
        self.said.subscribe()
    }

    /// Tells when somebody came or went.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Says again what holds here, and forgets what was not said again elsewhere.
    fn repeat(&self, now: Instant) {
        let mut looks = self.lock();
        let here: Vec<(CampaignId, u32)> = looks.here.iter().map(|(campaign, people)| (*campaign, *people)).collect();
        here.into_iter().for_each(|(campaign, people)| self.say(&mut looks, campaign, people));
        let before = looks.there.len();
        looks.there.retain(|_, there| there.until > now);
        let forgotten = looks.there.len() < before;
        drop(looks);
        if forgotten {
            self.changed.send_modify(|count| *count += 1);
        }
    }

    /// Takes what another hub says, by itself or by the Academy; whether it is news.
    fn take(&self, campaign: CampaignId, hub: NodeId, presence: &v1::Presence, now: Instant) -> bool {
        let mut looks = self.lock();
        let (remembered, until) = (looks.there.len(), now + HOLDS);
        let people = presence.people.min(PEOPLE);
        let said = There { incarnation: presence.incarnation, count: presence.count, people, until };
        let changes = match looks.there.get_mut(&(campaign, hub)) {
            Some(held) if held.incarnation == said.incarnation && held.count >= said.count => return false,
            Some(held) => std::mem::replace(held, said).people != people,
            None if remembered >= REMEMBERED => return false,
            None => {
                looks.there.insert((campaign, hub), said);
                people > 0
            }
        };
        drop(looks);
        if changes {
            self.changed.send_modify(|count| *count += 1);
        }
        true
    }

    /// The hubs at which somebody looks at the campaign, and how many, ascending.
    pub(crate) fn at(&self, campaign: CampaignId, now: Instant) -> Vec<(NodeId, u32)> {
        let looks = self.lock();
        let there =
            looks.there.iter().filter(|((of, _), there)| *of == campaign && there.people > 0 && there.until > now);
        let here = looks.here.get(&campaign).map(|people| (self.me, *people));
        let mut at: Vec<(NodeId, u32)> = there.map(|((_, hub), there)| (*hub, there.people)).chain(here).collect();
        at.sort_unstable();
        at
    }

    fn lock(&self) -> MutexGuard<'_, Looks> {
        // Nothing in between can panic.
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who looks at a campaign.
pub(crate) struct Looking {
    presence: Arc<Presence>,
    campaign: CampaignId,
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.presence.count(self.campaign, |people| people.saturating_sub(1));
    }
}

/// Says again what holds, until the node ends.
pub(crate) async fn keep_saying(node: Arc<Node>) {
    let mut stopping = node.stopping();
    loop {
        tokio::select! {
            () = raised(&mut stopping) => return,
            () = sleep(SAID_EVERY) => node.presence().repeat(Instant::now()),
        }
    }
}

/// Takes what a peer says of who looks at a campaign, where both may read it; the Academy passes on what a hub says of itself.
pub(crate) fn heard(node: &Node, peer: NodeId, said: v1::Presence) {
    let (Ok(campaign), Ok(hub)) = (<[u8; 32]>::try_from(said.campaign.as_slice()), NodeId::from_slice(&said.hub))
    else {
        return;
    };
    let campaign = CampaignId(campaign);
    let (rights, topic) = (node.store().journal().rights(), Topic::Campaign(campaign));
    let readers = [node.id(), peer, hub].into_iter().all(|reader| rights.may_read(reader, topic));
    let of_itself = hub == peer;
    let relayed = rights.directory.academy().is_some_and(|(academy, _)| academy == peer);
    if !readers || hub == node.id() || !(of_itself || relayed) {
        return;
    }
    let news = node.presence().take(campaign, hub, &said, Instant::now());
    let is_academy = rights.directory.academy().is_some_and(|(academy, _)| academy == node.id());
    if news && is_academy && of_itself {
        let _ = node.presence().said.send(Said { presence: said, campaign, heard_of: Some(peer) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(byte: u8) -> NodeId {
        NodeId([byte; 32])
    }

    const CAMPAIGN: CampaignId = CampaignId([7; 32]);

    fn said(incarnation: u64, count: u64, people: u32) -> v1::Presence {
        v1::Presence { campaign: CAMPAIGN.0.to_vec(), hub: node(2).0.to_vec(), incarnation, count, people }
    }

    #[test]
    fn whoever_looks_is_there_until_he_goes_or_is_not_heard_of_any_more() {
        let (presence, now) = (Presence::new(node(1), 5), Instant::now());
        let mut heard = presence.listen();
        let (first, second) = (presence.look(CAMPAIGN), presence.look(CAMPAIGN));
        assert_eq!(presence.at(CAMPAIGN, now), [(node(1), 2)]);
        drop(first);
        assert_eq!(presence.at(CAMPAIGN, now), [(node(1), 1)]);
        let counts: Vec<(u64, u32)> = std::iter::from_fn(|| heard.try_recv().ok())
            .map(|said| (said.presence.count, said.presence.people))
            .collect();
        assert_eq!(counts, [(1, 1), (2, 2), (3, 1)]);
        drop(second);
        assert_eq!(presence.at(CAMPAIGN, now), []);

        assert!(presence.take(CAMPAIGN, node(2), &said(9, 4, 3), now));
        assert_eq!(presence.at(CAMPAIGN, now), [(node(2), 3)]);
        assert!(!presence.take(CAMPAIGN, node(2), &said(9, 3, 8), now), "said before");
        assert!(presence.take(CAMPAIGN, node(2), &said(10, 1, 5_000), now), "of a later process");
        assert_eq!(presence.at(CAMPAIGN, now), [(node(2), 1_000)], "as many as are believed");
        assert_eq!(presence.at(CAMPAIGN, now + HOLDS), []);
        let mut changed = presence.changed();
        changed.mark_unchanged();
        presence.repeat(now + HOLDS);
        assert!(changed.has_changed().expect("there"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (presence, now) = (Presence::new(node(1), 5), Instant::now());
        for number in 0..REMEMBERED + 5 {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_be_bytes());
            presence.take(CampaignId(id), node(2), &said(9, 1, 1), now);
        }
        assert_eq!(presence.lock().there.len(), REMEMBERED);
    }
}
