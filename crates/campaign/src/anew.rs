//! A document that says what another says and has nothing of its history.

use std::iter;

use automerge::transaction::{CommitOptions, Transactable as _, Transaction};
use automerge::{ActorId, ROOT};

use crate::document::{Actor, Campaign, CampaignError, guarded, unhex};
use crate::edit::Edit;
use crate::form::{Field, Prose};
use crate::view::View;

impl Campaign {
    /// A document that says what this one says, without what it said before: for a campaign in which something has to be
    /// forgotten. Each entry and each count stays its hub's; entries get new ids. `lead` says the texts.
    ///
    /// # Errors
    /// [`CampaignError::Damaged`] where the document is not of the known form; [`CampaignError::EditFailed`] where the library
    /// does not take it.
    pub fn anew(&self, lead: Actor) -> Result<Campaign, CampaignError> {
        let view = self.view()?;
        guarded(|| written(&view, lead)).ok_or(CampaignError::EditFailed)?
    }
}

fn written(view: &View, lead: Actor) -> Result<Campaign, CampaignError> {
    let mut campaign = Campaign::blank();
    let blank = campaign.view()?;
    // Written even where it is empty, and reads so: whoever has this document builds on something, and is told from those who
    // had the old one by that.
    let title = if view.title.is_empty() { " " } else { &view.title };
    change(&mut campaign, lead, |transaction| Ok(transaction.put(ROOT, Field::Title.key(), title)?))?;
    let mut make = |actor: Actor, now: &View, edits: &[Edit]| {
        change(&mut campaign, actor, |transaction| {
            edits.iter().try_for_each(|edit| edit.carry_out(actor, now, transaction))
        })
    };
    let of = |hub: &str| unhex::<32>(hub).map_or(lead, |node| Actor { node, ..lead });
    let texts = [(Prose::Story, &view.story), (Prose::Notes, &view.notes)];
    let write = |(prose, said): &(Prose, &crate::rich::RichText)| Edit::Write {
        prose: *prose,
        at: 0,
        delete: 0,
        insert: said.text.clone(),
    };
    let said: Vec<Edit> = iter::once(Edit::Aim(view.aim.clone())).chain(texts.iter().map(write)).collect();
    make(lead, &blank, &said)?;
    let marks: Vec<Edit> = texts
        .into_iter()
        .flat_map(|(prose, said)| {
            said.marks.iter().map(move |mark| Edit::Mark {
                prose,
                start: mark.start,
                end: mark.end,
                style: mark.style.clone(),
                on: true,
            })
        })
        .collect();
    make(lead, view, &marks)?;
    for signed in &view.organisations {
        // What was signed up apart is there once from now on, and from the first day.
        let again = view.repeated.iter().filter(|it| it.organisation == signed.organisation);
        let date = again.filter_map(|it| it.date).chain(signed.date).min();
        let edit = Edit::SignUp { organisation: signed.organisation.clone(), date };
        make(of(&signed.hub), &blank, &[edit])?;
    }
    for entry in &view.entries {
        make(of(&entry.added_by), &blank, &[Edit::Add(entry.item.clone())])?;
    }
    for (month, hubs) in &view.reach {
        for (hub, people) in hubs {
            let people = i64::try_from(*people).unwrap_or(i64::MAX);
            make(of(hub), &blank, &[Edit::CountReach { month: *month, people }])?;
        }
    }
    Ok(Campaign::of(campaign.document))
}

fn change(
    campaign: &mut Campaign,
    actor: Actor,
    write: impl FnOnce(&mut Transaction<'_>) -> Result<(), CampaignError>,
) -> Result<(), CampaignError> {
    campaign.document.set_actor(ActorId::from(&actor.bytes()[..]));
    let made = campaign.document.transact_with(|()| CommitOptions::default().with_time(0), write);
    made.map(drop).map_err(|failure| failure.error)
}
