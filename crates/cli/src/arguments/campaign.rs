//! What campaigns are told on the command line.

use clap::{Args, Subcommand, ValueEnum};

use super::{Data, name};

#[derive(Debug, Subcommand)]
pub(crate) enum Campaign {
    /// Begin a campaign with other hubs
    ///
    /// This hub leads it, and says who takes part, now and later. All members read all of it: write of hubs and roles there,
    /// never residents' names.
    Create(CreateCampaign),
    /// List the campaigns that this hub takes part in
    List(Data),
    /// Print one campaign: aim, members, organisations, asks, tasks and so on, story and notes
    Show(ShowVersion),
    /// Change a campaign: add to its notes or story, sign an organisation up, set its title or aim
    ///
    /// It works without a connection; what members write apart is put together once they meet. All members read all of it:
    /// write of hubs and roles there, never residents' names.
    Edit(EditCampaign),
    /// Add an issue, an ask, an office on the power map, an action, a task or a link to a file
    ///
    /// What each takes: issue --title --detail; ask --ask --office --state --result --date; decision-maker --office --body
    /// --influence --stance; action --title --date --place --result; task --title --hub --due --state; link --title --address.
    /// Name offices and hubs, never residents.
    Add(AddEntry),
    /// Change parts of an entry; what is not given stays as it is
    Update(UpdateEntry),
    /// Take an entry away
    Remove(RemoveEntry),
    /// Add to how many people this hub reached in a month
    ///
    /// What hubs count apart adds up; whoever two hubs reached is counted twice. Less than nothing corrects.
    Reach(CountReach),
    /// Take hubs in or out, make editors of readers, and say who took part when; its lead alone decides
    #[command(subcommand)]
    Member(CampaignMember),
    /// Hand the lead over, or take it over
    #[command(subcommand)]
    Lead(CampaignLead),
    /// Say whether the Academy keeps the campaign and passes it on
    ///
    /// With it members reach each other without being online at once. What it keeps is not encrypted: it can be read on the
    /// Academy's disk.
    Relay(SetRelay),
    /// Say whether members drop the entries behind the document, to save space
    ///
    /// The document keeps its history either way. What was dropped is not had back, and no entry proves any more who wrote it:
    /// the lead's word does.
    Prune(SetPruning),
    /// Make the campaign forget what was taken out of it: its lead alone can
    ///
    /// What slipped in, such as a resident's name, stays in the history after it was taken out. This begins the document anew, as
    /// it is now, and every member drops the history and the entries behind it once it has heard. What members have written
    /// meanwhile is left out; their nodes show it to them.
    Erase(EraseHistory),
    /// Print what was written here and left out when the lead made the campaign forget
    Unsent(UnsentEdits),
    /// Say which hub changed what, and when: the latest first
    History(History),
    /// Say what differs between two versions, or between one and the campaign as it is
    Compare(CompareVersions),
    /// Undo a change of this hub's own
    ///
    /// What others wrote since stays. What somebody has changed since, such as a title, is left as it is.
    Undo(UndoChange),
}

#[derive(Debug, Args)]
pub(crate) struct CreateCampaign {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// The title
    #[arg(long)]
    pub(crate) title: String,
    /// A hub that takes part, by its name in the federation; repeat it for each. This hub is a member in any case
    #[arg(long = "member", value_name = "HUB", required_unless_present = "readers", value_parser = name)]
    pub(crate) members: Vec<String>,
    /// A hub that reads the campaign and does not edit it; repeat it for each
    #[arg(long = "reader", value_name = "HUB", value_parser = name)]
    pub(crate) readers: Vec<String>,
    /// Keep the Academy out: members exchange the campaign with each other alone
    ///
    /// Without this the Academy's node keeps what members write and passes it on, so that members reach each other without
    /// being online at once; what it keeps can be read on its disk.
    #[arg(long)]
    pub(crate) no_relay: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowCampaign {
    /// The campaign's id, or as many of its first digits as tell it from others, 4 at least
    #[arg(value_name = "ID", value_parser = campaign_id)]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) folder: Data,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CampaignMember {
    /// Take a hub in, or make an editor of a reader or the other way round; it gets all of the campaign
    Add(AdmitMember),
    /// Take a hub out
    ///
    /// What it wrote before stays. It keeps what it has, gets nothing more, and what it writes later counts nowhere.
    Remove(NamedMember),
    /// Say who took part when, the latest first
    List(ShowCampaign),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CampaignLead {
    /// Ask a hub that edits the campaign to take the lead over, which it does by accepting
    Offer(NamedMember),
    /// Take the offer back
    Withdraw(ShowCampaign),
    /// Take the lead over that was offered to this hub, or to which the Academy has appointed it
    Accept(ShowCampaign),
}

#[derive(Debug, Args)]
pub(crate) struct NamedMember {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// The hub, by its name in the federation
    #[arg(value_name = "HUB", value_parser = name)]
    pub(crate) hub: String,
}

#[derive(Debug, Args)]
pub(crate) struct AdmitMember {
    #[command(flatten)]
    pub(crate) member: NamedMember,
    /// It reads the campaign and does not edit it
    #[arg(long)]
    pub(crate) reader: bool,
}

/// Whether something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

#[derive(Debug, Args)]
pub(crate) struct SetRelay {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// Whether it does: `off`, and it gets nothing more
    #[arg(value_enum)]
    pub(crate) relay: Switch,
}

#[derive(Debug, Args)]
pub(crate) struct SetPruning {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// Whether they do
    #[arg(value_enum)]
    pub(crate) prune: Switch,
}

#[derive(Debug, Args)]
pub(crate) struct AppointLead {
    /// The campaign's whole id, as its members read it out: `campaign show` has it
    #[arg(value_name = "ID", value_parser = whole_campaign_id)]
    pub(crate) id: String,
    /// The hub, by its name in the federation
    #[arg(value_name = "HUB", value_parser = name)]
    pub(crate) hub: String,
    #[command(flatten)]
    pub(crate) folder: Data,
}

#[derive(Debug, Args)]
#[group(id = "edit", required = true, multiple = false, args = ["notes_append", "story_append", "sign_up", "title", "aim"])]
pub(crate) struct EditCampaign {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// Add a line to the end of the shared notes
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) notes_append: Option<String>,
    /// Add a paragraph to the end of the campaign's story
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) story_append: Option<String>,
    /// Put an organisation on the campaign
    #[arg(long, value_name = "ORGANISATION")]
    pub(crate) sign_up: Option<String>,
    /// The day on which the organisation signed up, such as 2018-10-03; today where it is left out
    #[arg(long, requires = "sign_up")]
    pub(crate) date: Option<String>,
    /// Replace the title
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// Say what the campaign wants, in place of what it said
    #[arg(long, value_name = "TEXT")]
    pub(crate) aim: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowVersion {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// As it was: as the hub that made this change saw it then. The history has the ids
    #[arg(long, value_name = "CHANGE")]
    pub(crate) version: Option<String>,
    /// Say instead which members have dropped what the latest erasure forgets
    #[arg(long, conflicts_with = "version")]
    pub(crate) erasure: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EraseHistory {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
}

#[derive(Debug, Args)]
pub(crate) struct UnsentEdits {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// Forget it, once it was entered again
    #[arg(long)]
    pub(crate) discard: bool,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// How many changes at most
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct CompareVersions {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// The change that names the earlier version, by what its id begins with
    pub(crate) before: String,
    /// The change that names the later one; without it the campaign as it is
    pub(crate) after: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UndoChange {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// The change, by what its id begins with
    pub(crate) change: String,
}

#[derive(Debug, Args)]
pub(crate) struct AddEntry {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// What to add
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    #[command(flatten)]
    pub(crate) parts: Parts,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateEntry {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// The entry's id as the campaign shows it, or as much of it as tells it from others
    pub(crate) entry: String,
    #[command(flatten)]
    pub(crate) parts: Parts,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveEntry {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// The entry's id as the campaign shows it, or as much of it as tells it from others
    pub(crate) entry: String,
}

#[derive(Debug, Args)]
pub(crate) struct CountReach {
    #[command(flatten)]
    pub(crate) campaign: ShowCampaign,
    /// The month, such as 2018-10
    #[arg(long)]
    pub(crate) month: String,
    /// How many people more
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) people: i64,
}

/// What the lists of a campaign hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// What residents raised that the campaign takes up
    Issue,
    /// What is asked of whoever decides
    Ask,
    /// An office on the power map
    DecisionMaker,
    /// An action, planned or held
    Action,
    /// What a hub takes on
    Task,
    /// A link to a file
    Link,
}

impl Kind {
    /// The field of a request that has it.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Kind::Issue => "issue",
            Kind::Ask => "ask",
            Kind::DecisionMaker => "decision_maker",
            Kind::Action => "action",
            Kind::Task => "task",
            Kind::Link => "link",
        }
    }

    /// The word with its article.
    pub(crate) fn article(self) -> &'static str {
        match self {
            Kind::Issue => "an issue",
            Kind::Ask => "an ask",
            Kind::DecisionMaker => "a decision-maker",
            Kind::Action => "an action",
            Kind::Task => "a task",
            Kind::Link => "a link",
        }
    }

    /// The options that say something of it.
    pub(crate) fn options(self) -> &'static [&'static str] {
        match self {
            Kind::Issue => &["title", "detail"],
            Kind::Ask => &["ask", "office", "state", "result", "date"],
            Kind::DecisionMaker => &["office", "body", "influence", "stance"],
            Kind::Action => &["title", "date", "place", "result"],
            Kind::Task => &["title", "hub", "due", "state"],
            Kind::Link => &["title", "address"],
        }
    }
}

/// What an entry says; each kind takes some of it.
#[derive(Debug, Default, Args)]
pub(crate) struct Parts {
    /// An issue, action, task or link, in a few words
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// More about an issue
    #[arg(long, value_name = "TEXT")]
    pub(crate) detail: Option<String>,
    /// What is asked for
    #[arg(long, value_name = "TEXT")]
    pub(crate) ask: Option<String>,
    /// An office, such as "cabinet member for housing": of whom something is asked, or who decides
    #[arg(long, value_name = "TEXT")]
    pub(crate) office: Option<String>,
    /// The body that the office belongs to
    #[arg(long, value_name = "TEXT")]
    pub(crate) body: Option<String>,
    /// How much the office decides: low, medium or high
    #[arg(long, value_name = "WORD")]
    pub(crate) influence: Option<String>,
    /// How the office stands to the campaign: supports, undecided or opposes
    #[arg(long, value_name = "WORD")]
    pub(crate) stance: Option<String>,
    /// The day of an action, or on which an ask was won, such as 2018-10-03
    #[arg(long)]
    pub(crate) date: Option<String>,
    /// Where an action takes place
    #[arg(long, value_name = "TEXT")]
    pub(crate) place: Option<String>,
    /// What came of an ask or an action
    #[arg(long, value_name = "TEXT")]
    pub(crate) result: Option<String>,
    /// The hub that takes a task on, by its name in the federation
    #[arg(long)]
    pub(crate) hub: Option<String>,
    /// The day by which a task is to be done
    #[arg(long, value_name = "DATE")]
    pub(crate) due: Option<String>,
    /// Of an ask: open, won, partly-won, refused or withdrawn; of a task: open, doing, done or dropped
    #[arg(long, value_name = "WORD")]
    pub(crate) state: Option<String>,
    /// The web address of a file
    #[arg(long)]
    pub(crate) address: Option<String>,
}

impl Parts {
    /// Those that were given, by their options.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let all = [
            ("title", &self.title),
            ("detail", &self.detail),
            ("ask", &self.ask),
            ("office", &self.office),
            ("body", &self.body),
            ("influence", &self.influence),
            ("stance", &self.stance),
            ("date", &self.date),
            ("place", &self.place),
            ("result", &self.result),
            ("hub", &self.hub),
            ("due", &self.due),
            ("state", &self.state),
            ("address", &self.address),
        ];
        all.into_iter().filter(|(_, part)| part.is_some()).map(|(option, _)| option).collect()
    }
}

fn campaign_id(text: &str) -> Result<String, String> {
    // Whoever copies an id may copy the end of its line too.
    let text = text.trim();
    let id = text.strip_prefix("campaigns/").unwrap_or(text).to_ascii_lowercase();
    let fits = (4..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match fits {
        true => Ok(id),
        false => {
            Err("an id has 64 hexadecimal digits, of which the first 4 or more will do; `folkmoot campaign list` \
                      shows them"
                .to_owned())
        }
    }
}

/// A campaign's id, whole.
fn whole_campaign_id(text: &str) -> Result<String, String> {
    campaign_id(text).and_then(|id| match id.len() {
        64 => Ok(id),
        _ => Err("write all 64 digits: the Academy may not know of the campaign".to_owned()),
    })
}
