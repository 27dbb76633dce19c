//! A campaign followed live: sent again each time it has changed.

use std::pin::Pin;
use std::sync::Arc;

use folkmoot_journal::{CampaignId, Hash};
use folkmoot_proto::hub::v1::WatchCampaignResponse;
use folkmoot_store::campaign::News;
use futures_util::{Stream, stream};
use tokio::sync::watch;
use tonic::Status;

use super::message;
use crate::node::{Node, raised};
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
    written: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
}

/// Follows a campaign for a client that holds the document with these heads; none where it holds no document.
pub(super) fn watch(node: Arc<Node>, campaign: CampaignId, heads: Vec<[u8; 32]>) -> Watching {
    let (written, stopping) = (node.written(), node.stopping());
    let with_changes = !heads.is_empty();
    let watch = Watch { node, campaign, seen: heads, tip: None, with_changes, written, stopping };
    Box::pin(stream::try_unfold(watch, Watch::next))
}

impl Watch {
    async fn next(mut self) -> Result<Option<(WatchCampaignResponse, Watch)>, Status> {
        loop {
            // Marked before the store is read: no change in between is missed.
            self.written.mark_unchanged();
            if *self.stopping.borrow() {
                return Err(status::synchronize(SyncError::Stopping));
            }
            let (campaign, seen, tip) = (self.campaign, self.seen.clone(), self.tip);
            let news = self.node.on_store(move |store| {
                let held = store.journal().rights().memberships.get(campaign).map(|membership| membership.tip);
                Ok((held, store.campaigns()?.news(campaign, &seen, tip)?))
            });
            let (held, news) = news.await.map_err(status::store)?;
            self.tip = self.tip.or(held);
            if let Some(News { state, heads, changes }) = news {
                self.seen.clone_from(&heads);
                self.tip = Some(state.membership.tip);
                let response = WatchCampaignResponse {
                    campaign: Some(message::campaign(&self.node, state)),
                    changes: if self.with_changes { changes } else { Vec::new() },
                    heads: heads.iter().map(|head| head.to_vec()).collect(),
                };
                return Ok(Some((response, self)));
            }
            tokio::select! {
                () = raised(&mut self.stopping) => {}
                _ = self.written.changed() => {}
            }
        }
    }
}
