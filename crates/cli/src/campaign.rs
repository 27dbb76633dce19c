//! The campaigns that a hub shares with others: begun, listed, shown, edited.

mod entries;
mod erasure;
mod history;
mod membership;

use comfy_table::ColumnConstraint;
use folkmoot_node::generated::hub::campaign_service_client::CampaignServiceClient;
use folkmoot_node::generated::node::node_service_client::NodeServiceClient;
use folkmoot_proto::hub::v1 as wire;
use folkmoot_proto::node::v1::GetStatusRequest;
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::arguments::{
    AddEntry, Campaign, CompareVersions, CountReach, CreateCampaign, Data, EditCampaign, Format, History, RemoveEntry,
    ShowCampaign, ShowVersion, UndoChange, UpdateEntry,
};
use crate::connection;
use crate::failure::Failure;
use crate::figures::count;
use crate::output::{print, print_json, table, tell, text};
use crate::shell;

const PAGE: i32 = 1000;
/// How many digits of an id people are shown where they may have to type them.
pub(crate) const SHOWN_DIGITS: usize = 12;
const WHOLE_ID: usize = 64;

pub(crate) use self::membership::appoint;

pub(crate) async fn run(command: Campaign, format: Format) -> Result<(), Failure> {
    match command {
        Campaign::Create(arguments) => create(arguments, format).await,
        Campaign::List(arguments) => list(arguments, format).await,
        Campaign::Show(arguments) => show(arguments, format).await,
        Campaign::Edit(arguments) => edit(arguments, format).await,
        Campaign::Member(command) => membership::member(command, format).await,
        Campaign::Lead(command) => membership::lead(command, format).await,
        Campaign::Prune(arguments) => membership::prune(arguments, format).await,
        Campaign::Erase(arguments) => erasure::erase(arguments, format).await,
        Campaign::Unsent(arguments) => erasure::unsent(arguments, format).await,
        Campaign::Relay(arguments) => membership::relay(arguments, format).await,
        Campaign::Add(AddEntry { campaign, kind, parts }) => {
            let (mut client, name, _) = open(campaign).await?;
            let campaign = entries::add(&mut client, name, kind, &parts).await?;
            told(&campaign, &format!("The campaign has {} more.", kind.article()), format)
        }
        Campaign::Update(UpdateEntry { campaign, entry, parts }) => {
            let (mut client, name, data) = open(campaign).await?;
            let campaign = client.get_campaign(now(name)).await?.into_inner();
            let campaign = entries::update(&mut client, &campaign, &entry, &parts, &data).await?;
            told(&campaign, "The entry is changed.", format)
        }
        Campaign::Remove(RemoveEntry { campaign, entry }) => {
            let (mut client, name, data) = open(campaign).await?;
            let campaign = client.get_campaign(now(name)).await?.into_inner();
            let campaign = entries::remove(&mut client, &campaign, &entry, &data).await?;
            told(&campaign, "The entry is gone.", format)
        }
        Campaign::History(History { campaign, limit }) => {
            let (mut client, name, data) = open(campaign).await?;
            history::show(&mut client, name, limit, &data, format).await
        }
        Campaign::Compare(CompareVersions { campaign, before, after }) => {
            let (mut client, name, data) = open(campaign).await?;
            history::compare(&mut client, name, &before, after.as_deref(), &data, format).await
        }
        Campaign::Undo(UndoChange { campaign, change }) => {
            let (mut client, name, data) = open(campaign).await?;
            let name = history::find(&mut client, name, &change, &data).await?;
            let campaign = client.undo_change(wire::UndoChangeRequest { name }).await?.into_inner();
            told(&campaign, "It is undone, as far as nobody had changed it since.", format)
        }
        Campaign::Reach(CountReach { campaign, month, people }) => {
            let (mut client, name, _) = open(campaign).await?;
            let request = wire::CountReachRequest { name, month, people, request_id: String::new() };
            let answer = client.count_reach(request).await;
            const TYPED: [(&str, &str); 2] = [("month", "--month"), ("people", "--people")];
            let campaign = answer.map_err(|status| Failure::from(status).calling(&TYPED))?.into_inner();
            told(&campaign, "They are counted.", format)
        }
    }
}

async fn create(arguments: CreateCampaign, format: Format) -> Result<(), Failure> {
    let data = &arguments.folder.data;
    let channel = connection::hub(data).await?;
    let member = |hub: &String, role: wire::CampaignRole| wire::CampaignMember {
        hub: hub.clone(),
        role: role.into(),
        ..wire::CampaignMember::default()
    };
    let editors = arguments.members.iter().map(|hub| member(hub, wire::CampaignRole::Editor));
    let readers = arguments.readers.iter().map(|hub| member(hub, wire::CampaignRole::Reader));
    let request = wire::CreateCampaignRequest {
        campaign: Some(wire::Campaign {
            title: arguments.title,
            members: editors.chain(readers).collect(),
            academy_relays: !arguments.no_relay,
            ..wire::Campaign::default()
        }),
        request_id: String::new(),
    };
    let created = CampaignServiceClient::new(channel.clone()).create_campaign(request).await;
    let campaign = created
        .map_err(|status| naming(status.into(), &[&arguments.members[..], &arguments.readers].concat()))?
        .into_inner();
    remind(&campaign);
    if !campaign.academy_relays {
        // The campaign stands, whether or not this can be asked.
        let status = NodeServiceClient::new(channel).get_status(GetStatusRequest {}).await;
        if let Some(warning) = status.ok().and_then(|status| membership::unheard(&campaign, status.get_ref())) {
            tell(&warning);
        }
    }
    let reaches = match campaign.members.len() {
        1 => "No other hub takes part yet: folkmoot campaign member add takes one in.",
        _ => "It reaches them when they connect.",
    };
    match format {
        Format::Json => print_json(&campaign_json(&campaign)),
        Format::Table => print(&format!(
            "Begun: {}, a campaign of {}. {reaches}\n\
             Show it: folkmoot campaign show {} --data {}",
            campaign.title,
            membership::named(&campaign.members),
            shown_id(&campaign),
            shell::path(data)
        )),
    }
}

async fn list(Data { data }: Data, format: Format) -> Result<(), Failure> {
    let campaigns = campaigns(connection::hub(&data).await?).await?;
    match format {
        Format::Json => {
            let without_notes = |campaign| {
                let mut value = campaign_json(campaign);
                value.as_object_mut().map(|fields| ["notes", "story"].map(|text| fields.shift_remove(text)));
                value
            };
            print_json(&json!({ "campaigns": campaigns.iter().map(without_notes).collect::<Vec<_>>() }))
        }
        Format::Table if campaigns.is_empty() => print(&format!(
            "This hub takes part in no campaign. Begin one: folkmoot campaign create --title TITLE --member HUB --data {}",
            shell::path(&data)
        )),
        Format::Table => {
            let mut lines = table(&["Id", "Title", "Members", "Organisations", "Waiting", "Set aside"]);
            // A broken id cannot be copied.
            if let Some(ids) = lines.column_mut(0) {
                ids.set_constraint(ColumnConstraint::ContentWidth);
            }
            for campaign in &campaigns {
                lines.add_row([
                    shown_id(campaign).to_owned(),
                    campaign.title.clone(),
                    membership::named(&campaign.members),
                    count(campaign.organisations.len() as u64),
                    entries(campaign.waiting_entries),
                    entries(campaign.set_aside_entries),
                ]);
            }
            print(&text(lines, &[3, 4, 5]))
        }
    }
}

async fn show(arguments: ShowVersion, format: Format) -> Result<(), Failure> {
    let ShowVersion { campaign, version, erasure } = arguments;
    if erasure {
        return erasure::show(campaign, format).await;
    }
    let (mut client, name, data) = open(campaign).await?;
    let version = match version {
        None => String::new(),
        Some(change) => history::find(&mut client, name.clone(), &change, &data).await?,
    };
    let campaign = client.get_campaign(wire::GetCampaignRequest { name, version }).await?.into_inner();
    match format {
        Format::Json => print_json(&campaign_json(&campaign)),
        Format::Table => print(&campaign_text(&campaign, &data)),
    }
}

/// A client of the hub with the campaign's resource name, and the node's folder as a shell takes it.
async fn open(campaign: ShowCampaign) -> Result<(CampaignServiceClient<Channel>, String, String), Failure> {
    let ShowCampaign { id, folder } = campaign;
    let data = shell::path(&folder.data);
    let channel = connection::hub(&folder.data).await?;
    let name = resolve(channel.clone(), id, &data).await?;
    Ok((CampaignServiceClient::new(channel), name, data))
}

async fn edit(arguments: EditCampaign, format: Format) -> Result<(), Failure> {
    let EditCampaign { campaign, notes_append, story_append, sign_up, date, title, aim } = arguments;
    let (mut client, name, _) = open(campaign).await?;
    let request_id = String::new();
    let (answer, done) = if let Some(text) = notes_append {
        let request = wire::AppendNotesRequest { name, text: whole_line(&text), request_id };
        (client.append_notes(request).await, "Added to the end of the notes.")
    } else if let Some(text) = story_append {
        let said = client.get_campaign(now(name.clone())).await?.into_inner();
        let at = i32::try_from(said.story.encode_utf16().count()).unwrap_or(i32::MAX);
        let request = wire::EditStoryRequest { name, at, delete: 0, insert: whole_line(&text), request_id };
        (client.edit_story(request).await, "Added to the end of the story.")
    } else if let Some(organisation) = sign_up {
        let request = wire::SignUpOrganisationRequest { name, organisation, date: date.unwrap_or_default() };
        (client.sign_up_organisation(request).await, "The organisation is on the campaign.")
    } else if let Some(title) = title {
        (client.set_title(wire::SetTitleRequest { name, title }).await, "The title is set.")
    } else {
        let aim = aim.unwrap_or_default();
        let done = if aim.is_empty() { "The campaign has no aim now." } else { "The aim is set." };
        (client.set_aim(wire::SetAimRequest { name, aim }).await, done)
    };
    const TYPED: [(&str, &str); 6] = [
        ("text", "--notes-append"),
        ("insert", "--story-append"),
        ("organisation", "--sign-up"),
        ("date", "--date"),
        ("title", "--title"),
        ("aim", "--aim"),
    ];
    let campaign = answer.map_err(|status| Failure::from(status).calling(&TYPED))?.into_inner();
    told(&campaign, done, format)
}

/// Asks for a campaign as it is.
fn now(name: String) -> wire::GetCampaignRequest {
    wire::GetCampaignRequest { name, version: String::new() }
}

/// Says what was done, and who can read it.
fn told(campaign: &wire::Campaign, done: &str, format: Format) -> Result<(), Failure> {
    remind(campaign);
    match format {
        Format::Json => print_json(&campaign_json(campaign)),
        Format::Table if campaign.members.len() == 1 => print(done),
        Format::Table => print(&format!("{done} The other members have it once they connect.")),
    }
}

/// A failure that calls members what the command line calls them, where the node counts them.
fn naming(failure: Failure, members: &[String]) -> Failure {
    let names = (0..).zip(members).map(|(at, member)| (format!("campaign.members[{at}].hub"), shell::word(member)));
    let names: Vec<_> = names.chain([("campaign.title".to_owned(), "--title".to_owned())]).collect();
    failure.calling(&names.iter().map(|(field, typed)| (field.as_str(), typed.as_str())).collect::<Vec<_>>())
}

/// Every campaign that the hub takes part in.
async fn campaigns(channel: Channel) -> Result<Vec<wire::Campaign>, Failure> {
    let mut client = CampaignServiceClient::new(channel);
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let page =
            client.list_campaigns(wire::ListCampaignsRequest { page_size: PAGE, page_token }).await?.into_inner();
        all.extend(page.campaigns);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// The resource name behind an id, or behind its first digits. `data` is the node's folder, as a shell takes it.
async fn resolve(channel: Channel, id: String, data: &str) -> Result<String, Failure> {
    match id.len() {
        WHOLE_ID => Ok(format!("campaigns/{id}")),
        _ => Ok(named(&campaigns(channel).await?, &id, data)?.name.clone()),
    }
}

/// The one campaign whose id begins with these digits.
fn named<'a>(campaigns: &'a [wire::Campaign], digits: &str, data: &str) -> Result<&'a wire::Campaign, Failure> {
    let found: Vec<_> = campaigns.iter().filter(|campaign| id(campaign).starts_with(digits)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::Told(format!(
            "no campaign here has an id that begins with {digits}: folkmoot campaign list --data {data} shows them. One that \
             another hub began is here once the two, or the Academy and this hub, have exchanged"
        ))),
        several => {
            let lines: String =
                several.iter().map(|campaign| format!("\n  {}  {}", id(campaign), campaign.title)).collect();
            Err(Failure::Told(format!(
                "{} campaigns have an id that begins with {digits}; write more of its digits:{lines}",
                several.len()
            )))
        }
    }
}

fn id(campaign: &wire::Campaign) -> &str {
    campaign.name.strip_prefix("campaigns/").unwrap_or(&campaign.name)
}

/// As much of the id as people are shown.
fn shown_id(campaign: &wire::Campaign) -> &str {
    id(campaign).get(..SHOWN_DIGITS).unwrap_or_default()
}

/// Text for the end of the notes: what hubs append apart stays on lines of its own, however a line ended where it was
/// copied from.
fn whole_line(text: &str) -> String {
    let mut text = text.replace("\r\n", "\n");
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Says on standard error who can read what was just written.
fn remind(campaign: &wire::Campaign) {
    let academy =
        if campaign.academy_relays { ", and it lies on the disk of the Academy, which passes it on" } else { "" };
    tell(&format!(
        "Every member ({}) can read this{academy}. Write of hubs and roles here, never residents' names.",
        match campaign.members.len() {
            1 => "1 hub".to_owned(),
            hubs => format!("{} hubs", count(hubs as u64)),
        }
    ));
}

/// A number of entries; nothing where there is none.
fn entries(number: i32) -> String {
    match u64::try_from(number) {
        Ok(0) | Err(_) => String::new(),
        Ok(number) => count(number),
    }
}

/// A campaign as people read it. `data` is the node's folder, as a shell takes it.
fn campaign_text(campaign: &wire::Campaign, data: &str) -> String {
    let mut facts = table(&["Campaign", &campaign.title]);
    facts.add_row(["Id", id(campaign)]);
    facts.add_row(["Aim", if campaign.aim.is_empty() { "none yet" } else { &campaign.aim }]);
    facts.add_row(["Members", &membership::named(&campaign.members)]);
    facts.add_row([
        "Passed on by",
        if campaign.academy_relays {
            "the members, and the Academy, on whose disk it can be read"
        } else {
            "the members alone"
        },
    ]);
    for (what, words) in membership::standing(campaign, data) {
        facts.add_row([what, &words]);
    }
    match entries(campaign.waiting_entries).as_str() {
        "" => {}
        waiting => {
            facts.add_row([
                "Entries waiting",
                &format!("{waiting}: they build on others that have not arrived here yet, and count once these have"),
            ]);
        }
    }
    match entries(campaign.set_aside_entries).as_str() {
        "" => {}
        aside => {
            facts.add_row(["Entries set aside", &format!("{aside}: folkmoot status --data {data} says why")]);
        }
    }
    let mut out = text(facts, &[]);
    if !campaign.organisations.is_empty() {
        let mut lines = table(&["Organisation", "Brought by", "On", "Entry"]);
        for signed in &campaign.organisations {
            lines.add_row([&signed.organisation, &signed.hub, &signed.date, &entries::short(&signed.name)]);
        }
        out.push_str(&format!("\n{}", text(lines, &[])));
    }
    out.push_str(&entries::lists(campaign));
    if !campaign.story.is_empty() {
        out.push_str(&format!("\nStory\n-----\n{}\n", campaign.story.trim_end_matches('\n')));
    }
    if !campaign.notes.is_empty() {
        out.push_str(&format!("\nNotes\n-----\n{}\n", campaign.notes.trim_end_matches('\n')));
    }
    out
}

fn campaign_json(campaign: &wire::Campaign) -> Value {
    let signed = |signed: &wire::SignUp| {
        json!({
            "entry": entries::entry_id(&signed.name),
            "organisation": signed.organisation,
            "hub": signed.hub,
            "date": entries::day(&signed.date),
        })
    };
    let mut value = json!({
        "id": id(campaign),
        "title": campaign.title,
        "aim": campaign.aim,
        "members": campaign.members.iter().map(membership::member_json).collect::<Vec<_>>(),
        "successor": entries::day(&campaign.successor),
        "membership_contested": campaign.membership_contested,
        "this_hub": {
            "role": membership::role_word(campaign.role()),
            "may_take_lead": campaign.may_take_lead,
            "left_out_by": campaign.left_out_by,
            "present": campaign.present.iter().map(|one| json!({ "hub": one.hub, "people": one.people })).collect::<Vec<_>>(),
        },
        "academy_relays": campaign.academy_relays,
        "organisations": campaign.organisations.iter().map(signed).collect::<Vec<_>>(),
        "story": campaign.story,
        "notes": campaign.notes,
        "entries_waiting": campaign.waiting_entries,
        "entries_set_aside": campaign.set_aside_entries,
    });
    if let Some(fields) = value.as_object_mut() {
        fields.extend(entries::json(campaign).into_iter().map(|(list, entries)| (list.to_owned(), entries)));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(id: &str, title: &str) -> wire::Campaign {
        wire::Campaign { name: format!("campaigns/{id:0<64}"), title: title.into(), ..wire::Campaign::default() }
    }

    fn entry(list: &str, number: u64) -> String {
        format!("campaigns/{:0<64}/{list}/{number}-{}", "3f2a9c", "9f3c04aa".repeat(10))
    }

    fn shared() -> wire::Campaign {
        let member = |hub: &str, role: wire::CampaignRole| {
            let lead = role == Lead;
            wire::CampaignMember { hub: hub.into(), node: "00ff".into(), lead, role: role.into() }
        };
        use wire::CampaignRole::{Editor, Lead, Reader};
        wire::Campaign {
            aim: "A warm hall by winter".into(),
            organisations: vec![wire::SignUp {
                organisation: "Bus Users".into(),
                hub: "Luton".into(),
                name: entry("organisations", 7),
                date: "2018-10-03".into(),
            }],
            tasks: vec![wire::CampaignTask {
                name: entry("tasks", 112),
                title: "Leaflets".into(),
                hub: "Luton".into(),
                state: wire::campaign_task::State::Done.into(),
                ..wire::CampaignTask::default()
            }],
            decision_makers: vec![wire::DecisionMaker {
                name: entry("decisionMakers", 9),
                office: "Cabinet member for housing".into(),
                ..wire::DecisionMaker::default()
            }],
            reach: vec![wire::MonthReach {
                month: "2018-10".into(),
                people: 1_240,
                hubs: vec![wire::HubReach { hub: "Luton".into(), people: 1_240 }],
            }],
            story: "It began with a letter.\n".into(),
            notes: "Luton: the hall is booked.\nWarminster: two organisers can come.\n\n".into(),
            members: vec![member("Warminster", Lead), member("Luton", Editor), member("", Reader)],
            academy_relays: true,
            ..campaign("3f2a9c", "Warm halls")
        }
    }

    #[test]
    fn an_id_is_found_by_its_first_digits() {
        let campaigns =
            [campaign("3f2a1", "Warm halls"), campaign("3f2a2", "Late buses"), campaign("77777", "Green space")];
        for (digits, expected) in [
            ("7777", Ok("Green space")),
            ("3f2a2", Ok("Late buses")),
            (id(&campaigns[0]), Ok("Warm halls")),
            ("0000", Err("no campaign here has an id that begins with 0000: folkmoot campaign list --data 'my hub'")),
            ("3f2a", Err("2 campaigns have an id that begins with 3f2a; write more of its digits:\n  3f2a1")),
        ] {
            match (named(&campaigns, digits, "'my hub'"), expected) {
                (Ok(found), Ok(title)) => assert_eq!(found.title, title),
                (Err(failure), Err(words)) => assert!(failure.to_string().contains(words), "{failure}"),
                (found, expected) => panic!("{digits}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_refused_member_is_called_by_its_name() {
        let members = ["Luton".to_owned(), "Hastings Hollington".to_owned()];
        for (message, expected) in [
            ("campaign.members[1].hub: no hub of this name", "'Hastings Hollington': no hub of this name"),
            ("campaign.title: the title is empty", "--title: the title is empty"),
        ] {
            let failure = naming(tonic::Status::invalid_argument(message).into(), &members);
            assert_eq!((failure.message().as_str(), failure.exit_status()), (expected, 1));
        }
    }

    #[test]
    fn the_lists_are_there_for_programs() {
        let json = campaign_json(&shared());
        assert_eq!(json["tasks"][0]["state"], "done");
        assert_eq!(json["tasks"][0]["due"], Value::Null);
        assert_eq!(json["decision_makers"][0]["stance"], Value::Null);
        assert_eq!(json["organisations"][0]["entry"], format!("7-{}", "9f3c04aa".repeat(10)));
        assert_eq!(json["reach"][0]["hubs"][0]["people"], 1_240);
        assert!(
            ["issues", "asks", "actions", "links"].iter().all(|list| json[list].as_array().is_some_and(Vec::is_empty))
        );
    }

    #[test]
    fn a_campaign_is_shown_whole() {
        let text = campaign_text(&shared(), "H");
        assert!(text.starts_with("Campaign      Warm halls\n---"), "{text}");
        for expected in [
            "Aim           A warm hall by winter\n",
            "Members       Warminster (lead), Luton, 00ff (reader)\n",
            "Passed on by  the members, and the Academy, on whose disk it can be read\n",
            "\nOrganisation  Brought by  On          Entry\n",
            "\nBus Users     Luton       2018-10-03  7-9f3c04aa\n",
            "\nWho decides                 Body  Influence  Stance  Entry\n",
            "\nCabinet member for housing                           9-9f3c04aa\n",
            "\nTask      Hub    Due  State  Entry\n",
            "\nLeaflets  Luton       done   112-9f3c04aa\n",
            "\nMonth    People reached  By\n",
            "\n2018-10  1,240           Luton 1,240\n",
            "\nStory\n-----\nIt began with a letter.\n",
            "\nNotes\n-----\nLuton: the hall is booked.\nWarminster: two organisers can come.\n",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        assert!(!text.contains("Entries"), "nothing waits\n{text}");
    }

    #[test]
    fn what_waits_and_what_was_set_aside_is_said_with_where_to_look() {
        let campaign = wire::Campaign { waiting_entries: 1_200, set_aside_entries: 1, ..shared() };
        let text = campaign_text(&campaign, "'my hub'");
        for expected in [
            "Entries waiting    1,200: they build on others",
            "Entries set aside  1: folkmoot status --data 'my hub' says why",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }

    #[test]
    fn programs_get_the_whole_id() {
        let value = campaign_json(&shared());
        assert_eq!(value["id"], format!("{:0<64}", "3f2a9c"));
        let lead = json!({ "hub": "Warminster", "node": "00ff", "lead": true, "role": "lead" });
        assert_eq!(value["members"][0], lead);
        let entry = format!("7-{}", "9f3c04aa".repeat(10));
        let signed_up = json!([{ "entry": entry, "organisation": "Bus Users", "hub": "Luton", "date": "2018-10-03" }]);
        assert_eq!(value["organisations"], signed_up);
    }

    #[test]
    fn what_is_appended_stands_on_a_line_of_its_own() {
        for (text, expected) in [("One", "One\n"), ("One\n", "One\n"), ("One\r\nTwo\r\n", "One\nTwo\n"), ("", "")] {
            assert_eq!(whole_line(text), expected);
        }
    }
}
