//! A campaign followed live: sent again each time it has changed.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use folkmoot_journal::{CampaignId, Hash, NodeId, Topic};
use folkmoot_proto::hub::v1::WatchCampaignResponse;
use folkmoot_store::campaign::News;
use futures_util::{Stream, stream};
use tokio::sync::watch;
use tonic::Status;

use super::message;
use crate::node::{Node, raised};
use crate::presence::Looking;
use crate::status;
use crate::synchronize::SyncError;

/// What a client that watches is sent.
pub(crate) type Watching = Pin<Box<dyn Stream<Item = Result<WatchCampaignResponse, Status>> + Send>>;

struct Watch {
    node: Arc<Node>,
    campaign: CampaignId,
    /// The heads of what was sent last; at first of what the client holds.
    seen: Vec<[u8; 32]>,
    /// The last entry of the membership that was sent last; at first of the one that was there.
    tip: Option<Hash>,
    with_changes: bool,
    /// Said to the members as long as the client is there.
    looking: Option<Looking>,
    /// Who was there when the campaign was sent last.
    present: Vec<(NodeId, u32)>,
    came_or_went: watch::Receiver<u64>,
    written: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
}

/// Follows a campaign for a client that holds the document with these heads; none where it holds no document.
pub(super) fn watch(node: Arc<Node>, campaign: CampaignId, heads: Vec<[u8; 32]>, with_presence: bool) -> Watching {
    let (written, stopping) = (node.written(), node.stopping());
    let with_changes = !heads.is_empty();
    let (came_or_went, present) = (node.presence().changed(), Vec::new());
    // Nobody is told of a client that may not even read the campaign.
    let reads = node.store().journal().rights().may_read(node.id(), Topic::Campaign(campaign));
    let looking = (with_presence && reads).then(|| node.presence().look(campaign));
    let watch = Watch {
        node,
        campaign,
        seen: heads,
        tip: None,
        with_changes,
        looking,
        present,
        came_or_went,
        written,
        stopping,
    };
    Box::pin(stream::try_unfold(watch, Watch::next))
}

impl Watch {
    async fn next(mut self) -> Result<Option<(WatchCampaignResponse, Watch)>, Status> {
        loop {
            // Marked before the store is read: no change in between is missed.
            self.written.mark_unchanged();
            self.came_or_went.mark_unchanged();
            if *self.stopping.borrow() {
                return Err(status::synchronize(SyncError::Stopping));
            }
            let (campaign, seen, tip, with_changes) = (self.campaign, self.seen.clone(), self.tip, self.with_changes);
            let present = match self.looking {
                Some(_) => self.node.presence().at(campaign, Instant::now()),
                None => Vec::new(),
            };
            let others = present != self.present;
            let news = self.node.on_store(move |store| {
                let held = store.journal().rights().memberships.get(campaign).map(|membership| membership.tip);
                let campaigns = store.campaigns()?;
                let news = match campaigns.news(campaign, &seen, tip, with_changes)? {
                    None if others => {
                        Some(News { state: campaigns.get(campaign)?, heads: seen.clone(), changes: Vec::new() })
                    }
                    news => news,
                };
                Ok((held, news))
            });
            let (held, news) = news.await.map_err(status::store)?;
            self.tip = self.tip.or(held);
            if let Some(News { state, heads, changes }) = news {
                self.seen.clone_from(&heads);
                self.present = present;
                self.tip = Some(state.membership.tip);
                let response = WatchCampaignResponse {
                    generation: i32::try_from(state.generation).unwrap_or(i32::MAX),
                    campaign: Some(message::campaign(&self.node, state)),
                    changes,
                    heads: heads.iter().map(|head| head.to_vec()).collect(),
                };
                return Ok(Some((response, self)));
            }
            tokio::select! {
                () = raised(&mut self.stopping) => {}
                _ = self.written.changed() => {}
                _ = self.came_or_went.changed(), if self.looking.is_some() => {}
            }
        }
    }
}
