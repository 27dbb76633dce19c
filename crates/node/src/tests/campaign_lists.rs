//! What the operator's clients are answered about the lists, the reach and the texts of a campaign.

use folkmoot_campaign::Edit;
use folkmoot_proto::hub::v1::text_mark::Style;
use folkmoot_proto::hub::v1::{
    AddAskRequest, AddTaskRequest, CampaignAsk, CampaignRole, CampaignTask, CompareVersionsRequest, CountReachRequest,
    EditNotesRequest, GetCampaignRequest, ListChangesRequest, MarkTextRequest, RemoveEntryRequest, SetTitleRequest,
    SignUpOrganisationRequest, TextMark, UndoChangeRequest, UpdateAskRequest, UpdateTaskRequest, WatchCampaignRequest,
    campaign_ask, campaign_task, mark_text_request,
};
use tonic::Code;

use super::answering::{bad, because, channel, refused};
use super::campaign::{Client, asked, federation, get};
use super::until;

fn task(title: &str) -> CampaignTask {
    CampaignTask { title: title.into(), ..CampaignTask::default() }
}

fn update(task: CampaignTask, parts: &[&str]) -> UpdateTaskRequest {
    let mut request = UpdateTaskRequest { task: Some(task), update_mask: None };
    request.update_mask.get_or_insert_default().paths = parts.iter().map(|part| (*part).to_owned()).collect();
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_added_changed_and_removed() {
    let (nodes, _places, mut client) = federation().await;
    let parent = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let wanted = CampaignTask {
        hub: "Frome".into(),
        due: "2018-10-03".into(),
        state: campaign_task::State::Doing.into(),
        ..task(" Leaflets ")
    };
    let request = AddTaskRequest { parent: parent.clone(), task: Some(wanted.clone()), request_id: "t-1".into() };
    for _ in 0..2 {
        client.add_task(request.clone()).await.expect("added");
    }
    let tasks = get(&mut client, &parent).await.tasks;
    let expected =
        CampaignTask { name: tasks[0].name.clone(), title: "Leaflets".into(), added_by: "Warminster".into(), ..wanted };
    assert_eq!(tasks, [expected], "once, though asked for twice");
    let name = tasks[0].name.clone();
    assert!(name.starts_with(&format!("{parent}/tasks/")), "{name}");

    let changed = CampaignTask { name: name.clone(), state: campaign_task::State::Done.into(), ..task("Posters") };
    let campaign = client.update_task(update(changed, &["state", "due"])).await.expect("changed").into_inner();
    let now = &campaign.tasks[0];
    assert_eq!((now.title.as_str(), now.hub.as_str(), now.due.as_str()), ("Leaflets", "Frome", ""));
    assert_eq!(now.state(), campaign_task::State::Done);

    let ask = CampaignAsk {
        ask: "Inspect every flat".into(),
        office: "Cabinet member for housing".into(),
        state: campaign_ask::State::PartlyWon.into(),
        ..CampaignAsk::default()
    };
    let request = AddAskRequest { parent: parent.clone(), ask: Some(ask), request_id: String::new() };
    let campaign = client.add_ask(request).await.expect("added").into_inner();
    assert_eq!(campaign.asks[0].state(), campaign_ask::State::PartlyWon);
    let title = SetTitleRequest { name: parent.clone(), title: "Warmer homes".into() };
    assert_eq!(client.set_title(title).await.expect("set").into_inner().title, "Warmer homes");

    let removed = client.remove_entry(RemoveEntryRequest { name: name.clone() }).await.expect("gone").into_inner();
    assert!(removed.tasks.is_empty() && removed.asks.len() == 1);
    let again = client.remove_entry(RemoveEntryRequest { name }).await.expect_err("gone already");
    assert_eq!(again.code(), Code::InvalidArgument, "{again}");
    for running in nodes {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_counts_by_a_day_has_one() {
    let (nodes, _places, mut client) = federation().await;
    let parent = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let sign_up = |organisation: &str, date: &str| SignUpOrganisationRequest {
        name: parent.clone(),
        organisation: organisation.into(),
        date: date.into(),
    };
    client.sign_up_organisation(sign_up("Library", "")).await.expect("signed up");
    let campaign = client.sign_up_organisation(sign_up("Foodbank", " 2018-10-03 ")).await.expect("signed up");
    let days: Vec<String> = campaign.into_inner().organisations.into_iter().map(|it| it.date).collect();
    let today = days[0].clone();
    assert!(!today.is_empty() && today != "2018-10-03" && days[1] == "2018-10-03", "{days:?}");
    assert_eq!(refused(client.sign_up_organisation(sign_up("Mosque", "soon")).await), bad(&["date"]));

    let ask = |state: campaign_ask::State, date: &str| CampaignAsk {
        ask: "Inspect every flat".into(),
        state: state.into(),
        date: date.into(),
        ..CampaignAsk::default()
    };
    use campaign_ask::State::{Open, Refused, Won};
    for (state, date) in [(Open, ""), (Won, ""), (Won, "2018-10-03"), (Open, "")] {
        let request = AddAskRequest { parent: parent.clone(), ask: Some(ask(state, date)), request_id: String::new() };
        client.add_ask(request).await.expect("added");
    }
    let asks = get(&mut client, &parent).await.asks;
    let days = |asks: &[CampaignAsk]| asks.iter().map(|it| it.date.clone()).collect::<Vec<_>>();
    assert_eq!(days(&asks), ["", &today, "2018-10-03", ""]);
    // One comes to be won today, one says when, and one that had a day keeps it.
    for (at, state, date, parts) in [
        (0, Won, "", &["state"][..]),
        (3, Won, "2018-11-01", &["state", "date"]),
        (2, Refused, "", &["state"]),
        (2, Won, "", &["state"]),
        (1, Open, "", &["state"]),
    ] {
        let ask = CampaignAsk { name: asks[at].name.clone(), ..ask(state, date) };
        let mut request = UpdateAskRequest { ask: Some(ask), update_mask: None };
        request.update_mask.get_or_insert_default().paths = parts.iter().map(|part| (*part).to_owned()).collect();
        client.update_ask(request).await.expect("changed");
    }
    assert_eq!(days(&get(&mut client, &parent).await.asks), [&today, &today, "2018-10-03", "2018-11-01"]);
    let wrong = AddAskRequest { parent, ask: Some(ask(Won, "soon")), request_id: String::new() };
    assert_eq!(refused(client.add_ask(wrong).await), bad(&["ask.date"]));
    for running in nodes {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_entry_cannot_say_is_said_at_once() {
    let (nodes, _places, mut client) = federation().await;
    let parent = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let wrong = CampaignTask { hub: "Bath".into(), due: "soon".into(), state: 99, ..task("") };
    let add = |task| AddTaskRequest { parent: parent.clone(), task, request_id: String::new() };
    let fields = ["task.state", "task.due", "task.hub", "task.title"];
    assert_eq!(refused(client.add_task(add(Some(wrong))).await), bad(&fields));
    assert_eq!(refused(client.add_task(add(None)).await), bad(&["task"]));
    let nowhere = AddTaskRequest { parent: "campaigns/1".into(), ..add(Some(task("x".repeat(201).as_str()))) };
    assert_eq!(refused(client.add_task(nowhere).await), bad(&["parent", "task.title"]));

    let request = update(CampaignTask { name: format!("{parent}/asks/1-00"), ..task("") }, &[]);
    assert_eq!(refused(client.update_task(request).await), bad(&["update_mask", "task.name"]));
    let request = update(CampaignTask { name: format!("{parent}/asks/1-00"), ..task("") }, &["title", "added_by"]);
    assert_eq!(refused(client.update_task(request).await), bad(&["update_mask", "task.name"]));
    let request =
        update(CampaignTask { name: format!("{parent}/tasks/1-{}", "00".repeat(40)), ..task("") }, &["title"]);
    assert_eq!(refused(client.update_task(request).await), bad(&["task.title"]));
    let request = RemoveEntryRequest { name: format!("{parent}/people/1") };
    assert_eq!(refused(client.remove_entry(request).await), bad(&["name"]));

    let reach = |month: &str, people| CountReachRequest {
        name: parent.clone(),
        month: month.into(),
        people,
        request_id: String::new(),
    };
    assert_eq!(refused(client.count_reach(reach("October", 1)).await), bad(&["month"]));
    assert_eq!(refused(client.count_reach(reach("2018-10", -1)).await), bad(&["people"]));
    assert_eq!(refused(client.count_reach(reach("2018-10", i64::MAX)).await), bad(&["people"]));
    for running in nodes {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_edited_and_marked_and_reach_adds_up() {
    let (nodes, _places, mut client) = federation().await;
    let name = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let notes = |at, delete, insert: &str| EditNotesRequest {
        name: name.clone(),
        at,
        delete,
        insert: insert.into(),
        request_id: String::new(),
    };
    client.edit_notes(notes(0, 0, "Tea 🫖 at the hub")).await.expect("written");
    let campaign = client.edit_notes(notes(4, 2, "and cake")).await.expect("written").into_inner();
    assert_eq!(campaign.notes, "Tea and cake at the hub");
    assert_eq!(refused(client.edit_notes(notes(-1, -1, "x")).await), bad(&["at", "delete"]));
    assert_eq!(refused(client.edit_notes(notes(40, 0, "x")).await), bad(&["insert"]));

    let mark = |start, end, style: Style| MarkTextRequest {
        name: name.clone(),
        text: mark_text_request::Text::Notes.into(),
        mark: Some(TextMark { start, end, style: style.into(), link: "https://example.org".into() }),
        remove: false,
    };
    client.mark_text(mark(0, 3, Style::Strong)).await.expect("marked");
    let campaign = client.mark_text(mark(8, 12, Style::Link)).await.expect("marked").into_inner();
    let marks: Vec<_> =
        campaign.notes_marks.iter().map(|it| (it.start, it.end, it.style(), it.link.as_str())).collect();
    assert_eq!(marks, [(0, 3, Style::Strong, ""), (8, 12, Style::Link, "https://example.org")]);
    assert_eq!(refused(client.mark_text(mark(3, 3, Style::Strong)).await), bad(&["mark.end"]));
    assert_eq!(refused(client.mark_text(MarkTextRequest::default()).await), bad(&["text", "mark"]));

    let reach =
        |people| CountReachRequest { name: name.clone(), month: "2018-10".into(), people, request_id: "once".into() };
    for _ in 0..2 {
        client.count_reach(reach(40)).await.expect("counted");
    }
    let counted = get(&mut client, &name).await.reach;
    assert_eq!((counted.len(), counted[0].people, counted[0].hubs[0].hub.as_str()), (1, 40, "Warminster"));
    for running in nodes {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_tells_who_changed_what_and_a_change_is_read_compared_and_undone() {
    let (nodes, _places, mut client) = federation().await;
    let parent = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let request = AddTaskRequest { parent: parent.clone(), task: Some(task("Leaflets")), request_id: String::new() };
    let added = client.add_task(request).await.expect("added").into_inner().tasks[0].name.clone();
    let done = CampaignTask { name: added.clone(), state: campaign_task::State::Done.into(), ..task("") };
    client.update_task(update(done, &["state"])).await.expect("changed");

    let (mut changes, mut page_token) = (Vec::new(), String::new());
    loop {
        let request =
            ListChangesRequest { parent: parent.clone(), page_size: 2, page_token, without_differences: false };
        let page = client.list_changes(request).await.expect("a page").into_inner();
        changes.extend(page.changes);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert!(changes.iter().all(|change| change.hub == "Warminster" && change.lead && change.write_time.is_some()));
    assert!(changes.iter().all(|change| change.role() == CampaignRole::Lead));
    let told: Vec<_> = changes
        .iter()
        .flat_map(|change| &change.differences)
        .map(|it| (it.title.as_str(), it.field.as_str(), it.before.as_str(), it.after.as_str()))
        .collect();
    assert_eq!(
        told,
        [("Leaflets", "state", "open", "done"), ("Leaflets", "", "", ""), ("", "title", "", "Warm homes")]
    );

    let names = ListChangesRequest { parent: parent.clone(), without_differences: true, ..Default::default() };
    let names = client.list_changes(names).await.expect("a page").into_inner().changes;
    assert!(names.iter().map(|change| &change.name).eq(changes.iter().map(|change| &change.name)));
    assert!(names.iter().all(|change| change.differences.is_empty()));

    let earlier = GetCampaignRequest { name: parent.clone(), version: changes[2].name.clone() };
    assert!(client.get_campaign(earlier).await.expect("as it was").into_inner().tasks.is_empty());
    let between = CompareVersionsRequest { before: changes[1].name.clone(), after: changes[0].name.clone() };
    let found = client.compare_versions(between).await.expect("compared").into_inner().differences;
    assert_eq!((found.len(), found[0].entry.as_str()), (1, added.as_str()));
    let since = CompareVersionsRequest { before: changes[0].name.clone(), after: String::new() };
    assert!(client.compare_versions(since).await.expect("compared").into_inner().differences.is_empty());

    let undo = |name: &str| UndoChangeRequest { name: name.to_owned() };
    let undone = client.undo_change(undo(&changes[0].name)).await.expect("undone").into_inner();
    assert_eq!(undone.tasks[0].state(), campaign_task::State::Open);
    assert_eq!(refused(client.undo_change(undo(&changes[0].name)).await), bad(&["name"]), "nothing is left of it");
    let nowhere = format!("{parent}/changes/{}", "0".repeat(64));
    let missing = because(Code::NotFound, "NO_SUCH_VERSION");
    assert_eq!(refused(client.undo_change(undo(&nowhere)).await), missing);
    let version = GetCampaignRequest { name: parent.clone(), version: nowhere };
    assert_eq!(refused(client.get_campaign(version).await), missing);
    let other = format!("campaigns/{}/changes/{}", "1".repeat(64), "0".repeat(64));
    let version = GetCampaignRequest { name: parent.clone(), version: other };
    assert_eq!(refused(client.get_campaign(version).await), bad(&["version"]));
    assert_eq!(refused(client.undo_change(undo("campaigns/1")).await), bad(&["name"]));

    let id = parent["campaigns/".len()..].parse().expect("an id");
    let [here, there] = [&nodes[0], &nodes[1]].map(|node| node.node().store().campaigns().expect("a hub's store"));
    until(nodes[1].node().written(), "the campaign is there", || there.get(id).is_ok()).await;
    there.edit(id, Edit::Aim("Warmth".to_owned()), "").expect("an edit");
    until(nodes[0].node().written(), "the edit", || here.get(id).is_ok_and(|it| it.view.aim == "Warmth")).await;
    let request = ListChangesRequest { parent, page_size: 1, ..Default::default() };
    let latest = client.list_changes(request).await.expect("a page").into_inner().changes.swap_remove(0);
    assert_eq!((latest.hub.as_str(), latest.lead, latest.role()), ("Frome", false, CampaignRole::Editor));
    let undone = refused(client.undo_change(undo(&latest.name)).await);
    assert_eq!(undone, bad(&["name"]), "only whoever made it undoes a change");
    for running in nodes {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_sees_what_another_hub_writes_as_soon_as_it_arrives() {
    let (nodes, places, mut client) = federation().await;
    let name = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let other = nodes[1].node();
    let id = name["campaigns/".len()..].parse().expect("an id");
    let there = other.store().campaigns().expect("a hub's store");
    until(other.written(), "the campaign is there", || there.get(id).is_ok_and(|it| !it.view.title.is_empty())).await;

    let mut watcher = Client::new(channel(&places[1]).await);
    let request = WatchCampaignRequest { name: name.clone(), heads: Vec::new(), with_presence: false };
    let mut seen = watcher.watch_campaign(request).await.expect("watched").into_inner();
    let first = seen.message().await.expect("open").expect("the campaign as it is");
    assert_eq!(first.campaign.expect("a campaign").title, "Warm homes");
    assert!(first.changes.is_empty() && first.heads.len() == 1);
    let request = WatchCampaignRequest { name: name.clone(), heads: first.heads, with_presence: false };
    let mut changes = watcher.watch_campaign(request).await.expect("watched").into_inner();

    let request = AddTaskRequest { parent: name.clone(), task: Some(task("Leaflets")), request_id: String::new() };
    client.add_task(request).await.expect("added");
    for (watching, sent) in [(&mut seen, 0), (&mut changes, 1)] {
        let news = watching.message().await.expect("open").expect("news");
        assert_eq!(news.campaign.expect("a campaign").tasks[0].title, "Leaflets");
        assert_eq!(news.changes.len(), sent);
    }

    let wrong = WatchCampaignRequest { name: "campaigns/1".into(), heads: vec![vec![7; 31]], with_presence: false };
    assert_eq!(refused(watcher.watch_campaign(wrong).await), bad(&["name", "heads[0]"]));
    let nowhere =
        WatchCampaignRequest { name: format!("campaigns/{}", "0".repeat(64)), heads: Vec::new(), with_presence: false };
    let mut none = watcher.watch_campaign(nowhere).await.expect("a stream").into_inner();
    assert_eq!(refused(none.message().await), because(Code::NotFound, "NO_SUCH_CAMPAIGN"));
    for running in nodes {
        running.stop().await;
    }
    assert_eq!(seen.message().await.map(|_| ()).map_err(|status| status.code()), Err(Code::Unavailable));
}
