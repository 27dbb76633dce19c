//! The days by which outcomes of a campaign count: of an organisation that signs up, and of an ask that is won.

use folkmoot_campaign::Item;
use folkmoot_domain::Date;
use folkmoot_domain::calendar::{iso, parse_date};
use folkmoot_proto::hub::v1 as proto;
use folkmoot_proto::hub::v1::campaign_ask::State;
use tonic::Status;

use super::{Campaigns, message};
use crate::status::{self, Violations};

/// The day that was asked for; `today` where none was.
pub(super) fn day_or(today: Date, text: &str) -> Result<Date, Status> {
    match text.trim() {
        "" => Ok(today),
        text => parse_date(text).ok_or_else(|| status::bad("date", "write a day as 2018-10-03")),
    }
}

/// An ask that is won and has no day is won today.
pub(super) fn won_on(today: Date, mut ask: proto::CampaignAsk) -> proto::CampaignAsk {
    if ask.state() == State::Won && ask.date.trim().is_empty() {
        ask.date = iso(today);
    }
    ask
}

impl Campaigns {
    /// An ask that comes to be won by an update and has no day yet is won today: then the update says so.
    pub(super) async fn dated(
        &self,
        ask: Option<proto::CampaignAsk>,
        mut paths: Vec<String>,
    ) -> (Option<proto::CampaignAsk>, Vec<String>) {
        let names = |part: &str| paths.iter().any(|path| path == part);
        let Some(ask) = ask else { return (None, paths) };
        if ask.state() != State::Won || !names("state") || names("date") || self.has_day(&ask.name).await {
            return (Some(ask), paths);
        }
        paths.push("date".to_owned());
        (Some(won_on(self.0.now().date(), proto::CampaignAsk { date: String::new(), ..ask })), paths)
    }

    /// Whether the ask has a day, or is not there, which the update says.
    async fn has_day(&self, name: &str) -> bool {
        let mut ignored = Violations::default();
        let Some((campaign, _, id)) = message::entry("ask.name", name, None, &mut ignored) else { return true };
        let Ok(state) = self.ask("ask", move |campaigns| campaigns.get(campaign)).await else { return true };
        let entry = state.view.entries.iter().find(|entry| entry.id == id);
        entry.is_none_or(|entry| !matches!(entry.item, Item::Ask { date: None, .. }))
    }
}
