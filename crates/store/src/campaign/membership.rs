//! Who takes part in a campaign: what its lead says, and who takes the lead over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use folkmoot_journal::{
    CampaignId, Cursor, Fault, HubState, Limit, MemberRole, Membership, MembershipChange, NodeId, PayloadKind, Roster,
    Topic, encode_membership_change,
};

use super::edit::{member, state};
use super::{CampaignState, CampaignStore, checkpoint};
use crate::engine::Tx;
use crate::error::StoreError;
use crate::journal::{append_in, checkpoints, logs_of_topic, membership_steps};

/// What the lead of a campaign decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipEdit {
    /// The hub takes part, as an editor or a reader, or goes on as the one or the other.
    Admit {
        /// The hub.
        hub: NodeId,
        /// Whether it edits.
        edits: bool,
    },
    /// The hub takes part no longer: it is given nothing any more, and what it writes from here on does not count.
    Remove {
        /// The hub.
        hub: NodeId,
    },
    /// The editor is to take the lead once it accepts; nobody, where that is taken back.
    OfferLead {
        /// The hub.
        to: Option<NodeId>,
    },
    /// Whether members drop the entries that a checkpoint covers. The document keeps its history either way.
    Prune {
        /// Whether they do.
        prunes: bool,
    },
    /// Whether the Academy keeps and passes on the campaign's entries, which then can be read on its disk.
    Relay {
        /// Whether it does.
        relays: bool,
    },
}

impl CampaignStore {
    /// Changes who takes part, as the lead alone can. What is so already changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`], [`StoreError::NotTheLead`]; [`StoreError::UnknownMember`] where the hub is not an
    /// enrolled one; [`StoreError::MembershipRefused`] where it cannot stand; [`StoreError::Frozen`],
    /// [`StoreError::NotWritten`]; failures of the database.
    pub fn change_membership(&self, id: CampaignId, edit: MembershipEdit) -> Result<CampaignState, StoreError> {
        self.store.write("change membership", move |tx| {
            let membership = lead(tx, id)?;
            let roster = edited(tx, &membership, edit)?;
            if roster.clone().of_generation(0) != membership.roster.clone().of_generation(0) {
                write(tx, &membership, roster, 0)?;
            }
            state(tx, id)
        })
    }

    /// Takes the lead that the lead has offered to this hub, or to which the Academy has appointed it. The hub that led
    /// goes on as an editor.
    ///
    /// # Errors
    /// [`StoreError::MembershipRefused`] where nobody did so; as [`CampaignStore::change_membership`].
    pub fn accept_lead(&self, id: CampaignId) -> Result<CampaignState, StoreError> {
        self.store.write("accept lead", move |tx| {
            let membership = member(tx, id)?;
            let me = tx.author()?.key.id();
            let held = &membership.roster;
            if held.lead() == me && !membership.contested {
                return state(tx, id);
            }
            let appointed = tx.working.directory().appointed(id, me);
            let appointment = if appointed > membership.appointment { appointed } else { 0 };
            if appointment == 0 && held.successor() != Some(me) {
                return Err(refused(
                    "nobody has offered this hub the lead; the lead does so, or the Academy appoints a hub whose campaign \
                     has lost its lead",
                ));
            }
            let mut members = held.members().clone();
            members.insert(held.lead(), MemberRole::Editor);
            members.insert(me, MemberRole::Lead);
            let ended = held.last_accepted().iter().filter(|cursor| cursor.author != me).copied().collect();
            let roster = Roster::new(members, None, held.academy_relays(), ended).map_err(|fault| stands(&fault))?;
            write(tx, &membership, roster.pruning(held.prunes()), appointment)?;
            // Whoever holds the campaign from a checkpoint on has one of the lead that it has now.
            if let Some(known) = checkpoints::counting(tx, id)? {
                checkpoint::check_point(tx, id, known.generation)?;
            }
            state(tx, id)
        })
    }

    /// Gives the campaign a checkpoint now, as the lead's node does by itself once enough was written. False where the
    /// document is too large for one entry.
    ///
    /// # Errors
    /// As [`CampaignStore::change_membership`].
    pub fn check_point(&self, id: CampaignId) -> Result<bool, StoreError> {
        self.store.write("check point", move |tx| {
            let membership = lead(tx, id)?;
            let generation = checkpoints::counting(tx, membership.id)?.map_or(0, |known| known.generation);
            checkpoint::check_point(tx, id, generation)
        })
    }

    /// What stood after each entry of the membership, the first first.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`]; failures of the database.
    pub fn membership_steps(&self, id: CampaignId) -> Result<Vec<Membership>, StoreError> {
        self.get(id)?;
        let directory = Arc::clone(self.store.working().directory());
        self.store.read("membership", |connection| membership_steps(connection, &directory, id))
    }
}

/// Takes hubs in that read the campaign and do not edit.
pub(super) fn add_readers(tx: &mut Tx<'_>, id: CampaignId, readers: Vec<NodeId>) -> Result<(), StoreError> {
    let membership = member(tx, id)?;
    let held = &membership.roster;
    let mut members = held.members().clone();
    members.extend(readers.into_iter().map(|hub| (hub, MemberRole::Reader)));
    if members == *held.members() {
        return Ok(());
    }
    let roster = Roster::new(members, None, held.academy_relays(), BTreeSet::new()).map_err(|fault| stands(&fault))?;
    write(tx, &membership, roster, 0)
}

/// The membership of a campaign that this hub leads.
pub(super) fn lead(tx: &Tx<'_>, id: CampaignId) -> Result<Arc<Membership>, StoreError> {
    let membership = member(tx, id)?;
    if membership.roster.lead() != tx.author()?.key.id() {
        return Err(StoreError::NotTheLead { lead: name(tx, membership.roster.lead()) });
    }
    if membership.contested {
        return Err(refused("two entries of its lead contradict each other: ask the Academy to appoint a lead"));
    }
    Ok(membership)
}

fn write(tx: &mut Tx<'_>, membership: &Membership, roster: Roster, appointment: u32) -> Result<(), StoreError> {
    let generation = checkpoints::counting(tx, membership.id)?.map_or(0, |known| known.generation);
    let roster = roster.of_generation(generation);
    let change = MembershipChange { predecessor: membership.tip, roster, appointment };
    let payload = encode_membership_change(&change);
    append_in(tx, Topic::Campaign(membership.id), PayloadKind::MembershipChange, payload).map(|_| ())
}

/// The roster after the edit.
fn edited(tx: &Tx<'_>, membership: &Membership, edit: MembershipEdit) -> Result<Roster, StoreError> {
    let held = &membership.roster;
    let (mut members, mut successor) = (held.members().clone(), held.successor());
    let (mut relays, mut pruning) = (held.academy_relays(), held.prunes());
    match edit {
        MembershipEdit::Admit { hub, .. } | MembershipEdit::Remove { hub } if hub == held.lead() => {
            return Err(refused("the hub leads the campaign: hand the lead over first"));
        }
        MembershipEdit::Admit { hub, edits } => {
            let enrolled = |record: &folkmoot_journal::HubRecord| record.state == HubState::Enrolled;
            if held.role(hub).is_none() && !tx.working.directory().hubs().get(&hub).is_some_and(enrolled) {
                return Err(StoreError::UnknownMember { members: name(tx, hub) });
            }
            members.insert(hub, if edits { MemberRole::Editor } else { MemberRole::Reader });
        }
        MembershipEdit::Remove { hub } => {
            members.remove(&hub).ok_or_else(|| refused("the hub takes no part in the campaign"))?;
        }
        MembershipEdit::OfferLead { to } => successor = to,
        MembershipEdit::Relay { relays: wanted } => relays = wanted,
        MembershipEdit::Prune { prunes } => pruning = prunes,
    }
    let edits =
        |members: &BTreeMap<NodeId, MemberRole>, hub: NodeId| members.get(&hub).is_some_and(|role| role.edits());
    let offers = matches!(edit, MembershipEdit::OfferLead { .. });
    // Whoever does not edit any more cannot take the lead.
    let successor = successor.filter(|hub| offers || edits(&members, *hub));
    let mut last_accepted: BTreeSet<Cursor> =
        held.last_accepted().iter().filter(|cursor| !edits(&members, cursor.author)).copied().collect();
    for hub in held.members().keys().filter(|hub| edits(held.members(), **hub) && !edits(&members, **hub)) {
        last_accepted.extend(accepted_of(tx, membership.id, *hub)?);
    }
    let roster = Roster::new(members, successor, relays, last_accepted).map_err(|fault| stands(&fault))?;
    Ok(roster.pruning(pruning))
}

/// The last entry that counts here of each of the hub's logs in the campaign.
fn accepted_of(tx: &Tx<'_>, id: CampaignId, hub: NodeId) -> Result<Vec<Cursor>, StoreError> {
    let mut accepted = Vec::new();
    for log in logs_of_topic(tx, Topic::Campaign(id))?.into_iter().filter(|log| log.id.author == hub) {
        match tx.working.rights().accepted_until(log.id) {
            Limit::None => accepted.extend(log.tip()),
            Limit::UpTo(last) if last.seq <= log.seq => accepted.push(last),
            Limit::UpTo(_) => accepted.extend(log.tip()),
            Limit::Nothing => {}
        }
    }
    Ok(accepted)
}

fn name(tx: &Tx<'_>, hub: NodeId) -> String {
    let record = tx.working.directory().hubs().get(&hub);
    record.map_or_else(|| hub.to_string(), |record| record.name.to_string())
}

fn refused(reason: &str) -> StoreError {
    StoreError::MembershipRefused { reason: reason.to_owned() }
}

fn stands(fault: &Fault) -> StoreError {
    if let Fault::Membership(words) = fault { refused(words) } else { refused(&fault.to_string()) }
}
