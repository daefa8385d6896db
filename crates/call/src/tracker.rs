//! The one who watches: datagrams in, calls out.
//!
//! Media is gathered into streams whether or not its signalling was seen, calls are tracked whether or not media came;
//! the two meet when a stream proves to be one, and when a description names an endpoint.

use std::collections::VecDeque;

use clock::Time;
use rtp::Kind;
use sip::{Message, Method, StartLine};

use crate::arrival::Arrival;
use crate::call::Call;
use crate::calls::Calls;
use crate::claims::CallKey;
use crate::config::{Config, Orphans};
use crate::counts::Counts;
use crate::departed::Departed;
use crate::dialog::{End, Phase};
use crate::fax::{Faxes, Sent};
use crate::fill::{Fill, Fills};
use crate::open_call::OpenCall;
use crate::placement::Placement;
use crate::release::Released;
use crate::replacement;
use crate::side::Side;
use crate::so_far::SoFar;
use crate::sweep::Sweep;
use crate::tags::Tags;

/// Watches the datagrams of a network.
#[derive(Debug)]
pub struct Tracker {
    config: Config,
    pub(crate) calls: Calls,
    media: Placement,
    faxes: Faxes,
    departed: Departed,
    closed: VecDeque<Call>,
    closed_count: u64,
    pub(crate) counts: Counts,
    sweep: Sweep,
}

impl Tracker {
    /// A tracker that has seen nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Tracker {
            config,
            calls: Calls::new(config.patience),
            media: Placement::new(&config),
            faxes: Faxes::default(),
            departed: Departed::default(),
            closed: VecDeque::new(),
            closed_count: 0,
            counts: Counts::default(),
            sweep: Sweep::default(),
        }
    }

    /// Past the limit of copied bytes, the packets of long calls go to `overflow`.
    pub fn spill_to(&mut self, overflow: Box<dyn rtp::Overflow>) {
        self.media.spill_to(overflow);
    }

    /// Takes in a datagram. Calls that are over by its time can be polled afterwards.
    pub fn handle_datagram(&mut self, arrival: &Arrival<'_>) {
        self.handle_time(arrival.at);
        if let Some(sent) = self.faxes.goes_on(arrival) {
            return self.handle_fax(&sent, arrival);
        }
        match rtp::kind(arrival.payload) {
            Kind::Rtp => self.media.handle_rtp(arrival, &mut self.calls),
            Kind::Rtcp => self.handle_rtcp(arrival),
            Kind::Stun => self.media.handle_stun(arrival, &mut self.calls),
            Kind::Dtls => self.media.handle_dtls(),
            Kind::Other if sip::sniff(arrival.payload) => self.handle_sip(arrival),
            Kind::Other => match self.faxes.begins(arrival, &self.media.claims) {
                Some(sent) => self.handle_fax(&sent, arrival),
                None => self.counts.other_datagrams += 1,
            },
        }
        while self.calls.weight() > self.config.signalling_bytes && self.evict_call() {
            self.counts.calls_evicted_for_bytes += 1;
        }
    }

    /// The capture lost so many packets in that while.
    pub fn handle_capture_loss(&mut self, from: Time, to: Time, packets: u64) {
        self.media.lost.note_drops(from, to, packets);
    }

    /// Lets time pass: calls that waited long enough are closed.
    pub fn handle_time(&mut self, now: Time) {
        if let Some(now) = self.sweep.handle(now) {
            self.look_through(now);
        }
    }

    /// The input is over: every open call is closed as `end`, every stream let go of.
    pub fn handle_end(&mut self, end: End) {
        if let Some(now) = self.sweep.end() {
            self.look_through(now);
        }
        self.adopt(Time::from_ns(i64::MAX));
        while let Some((_, key)) = self.calls.next_due() {
            self.close_by_signalling_or(key, end);
        }
        self.media.drain();
    }

    /// The next call that is over.
    pub fn poll_call(&mut self) -> Option<Call> {
        self.closed.pop_front()
    }

    /// What was seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.counts.clone();
        self.media.add_counts(&mut counts);
        counts
    }

    /// Calls in progress.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.calls.signalled()
    }

    /// Whether media is taken of calls that begin after `now`, or turned away.
    pub fn admit_media(&mut self, now: Time, admits: bool) {
        self.media.admission.set(now, admits);
    }

    /// Packets that were turned away.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.media.admission.turned_away()
    }

    /// The open calls in the order of their beginning.
    #[must_use]
    pub fn open_keys(&self) -> Vec<CallKey> {
        self.calls.keys()
    }

    /// What was seen of an open call so far.
    #[must_use]
    pub fn so_far(&self, key: CallKey) -> Option<SoFar<'_>> {
        let OpenCall { dialog, messages, reports, fax, attached, .. } = self.calls.get(key)?;
        let streams = attached.iter().filter_map(|one| self.media.streams.stream(one.id)).collect();
        Some(SoFar { dialog, messages, reports, fax: &fax.datagrams, streams })
    }

    /// Streams in the table.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.media.len()
    }

    /// How full each bounded table is.
    #[must_use]
    pub fn fills(&self) -> Fills {
        let (config, counts, calls) = (&self.config, &self.counts, &self.calls);
        Fills {
            calls: Fill::new(calls.len(), config.calls, counts.calls_evicted),
            signalling_bytes: Fill::new(
                calls.weight(),
                config.signalling_bytes,
                counts.calls_evicted_for_bytes,
            ),
            departed_calls: self.departed.fill(),
            ..self.media.fills(config)
        }
    }

    /// What the tracker was told to keep.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Makes calls of what no call claimed since, where that is asked for and memory allows it.
    fn adopt(&mut self, since: Time) {
        if self.config.orphans == Orphans::Drop {
            return;
        }
        self.media.adopt(since, &mut self.calls);
        while self.media.streams.is_tight()
            && let Some(key) = self.calls.least().filter(|key| key.is_unsignalled())
        {
            self.close(key, End::MediaTimeout);
        }
    }

    fn handle_rtcp(&mut self, arrival: &Arrival<'_>) {
        let room = self.room_a_call();
        self.media.handle_rtcp(arrival, self.config.copying, room, &mut self.calls);
    }

    fn handle_fax(&mut self, sent: &Sent, arrival: &Arrival<'_>) {
        let room = self.room_a_call();
        let Some(call) = self.calls.get_mut(sent.call) else { return };
        self.faxes.give(sent, &mut call.fax, arrival, room);
        call.last_media_at = call.last_media_at.max(Some(arrival.at));
        self.counts.fax_datagrams += 1;
        self.calls.reschedule(sent.call);
    }

    fn handle_sip(&mut self, arrival: &Arrival<'_>) {
        let message = match Message::read(arrival.payload) {
            Ok(message) => message,
            Err(error) => {
                self.counts.count_sip_error(&error);
                return;
            }
        };
        self.counts.count_message(&message);
        let Some(tags) = Tags::of(&message) else { return };
        let Some((key, from)) = self.call_of(&message, &tags, arrival) else {
            self.handle_text_outside(&message, arrival.at);
            self.handle_voice_quality(&message, arrival.at);
            return;
        };
        let room = self.room_a_call();
        let Some(call) = self.calls.get_mut(key) else { return };
        self.counts.retransmissions += u64::from(call.keep_message(&message, arrival, from, room));
        call.handle_message(&message, &tags, from, arrival.at);
        if call.dialog.phase() == Phase::Over {
            self.media.contest_all(call);
        }
        if is_text(&message) {
            self.counts.texts.in_dialog += 1;
            call.texts.keep(&message, true, arrival.at, room);
        }
        match call.handle_description(&message, &tags, from, arrival) {
            Ok(Some(brought)) => self.media.claim(key, from, brought, arrival.at, &mut self.calls),
            Ok(None) => {}
            Err(_) => self.counts.sdp_errors += 1,
        }
        replacement::carry_out(&mut self.calls, key, &message);
        self.calls.reschedule(key);
        self.handle_voice_quality(&message, arrival.at);
    }

    /// A MESSAGE that belongs to no dialog is kept with the call that its parties have.
    fn handle_text_outside(&mut self, message: &Message<'_>, at: Time) {
        if !is_text(message) {
            return;
        }
        let (room, key) = (self.room_a_call(), self.calls.between(message));
        let Some((key, call)) = key.and_then(|key| Some((key, self.calls.get_mut(key)?))) else {
            self.counts.texts.elsewhere += 1;
            return;
        };
        self.counts.texts.in_call += 1;
        call.texts.keep(message, false, at, room);
        self.calls.reschedule(key);
    }

    /// How many bytes of messages one call may hold: what is scarce is shared, and never used up.
    fn room_a_call(&self) -> usize {
        self.config.signalling_bytes.saturating_sub(self.calls.weight()) / SHARES
    }

    /// The call that the message is about and who sent it; a message outside of any call may begin one.
    fn call_of(
        &mut self,
        message: &Message<'_>,
        tags: &Tags,
        arrival: &Arrival<'_>,
    ) -> Option<(CallKey, Side)> {
        let call_id = message.call_id()?;
        let namesakes = self.calls.of_call_id(&call_id);
        for &key in &namesakes {
            let Some(call) = self.calls.get_mut(key) else { continue };
            let from_caller = call.signalling.caller == Some(arrival.flow.source);
            if from_caller && call.dialog.is_retried_by(message, tags) {
                call.dialog.go_on_as(tags);
            }
            let Some(from) = call.dialog.sender(tags, from_caller) else { continue };
            if !call.dialog.is_reused_by(message, arrival.at) {
                return Some((key, from));
            }
            self.close_by_signalling_or(key, End::Replaced);
        }
        let call = OpenCall::begin(message, tags, arrival.at)?;
        // What comes late of a call that is over, or of a dialog that is none of its, begins nothing.
        let is_straggler = !namesakes.is_empty() || self.departed.knows(&call_id);
        if is_straggler && !is_invite(message) {
            return None;
        }
        if let Some(key) = self.calls.least_namesake(&call_id) {
            self.counts.calls_evicted += 1;
            self.close_by_signalling_or(key, End::MediaTimeout);
        } else if self.calls.len() >= self.config.calls {
            self.evict_call();
        }
        self.counts.calls_seen += 1;
        let from = call.dialog.sender(tags, true)?;
        Some((self.calls.insert(call, arrival.at), from))
    }

    /// Closes the call that has least to show for itself, so that there is room. A call whose media was not asked for
    /// lately may have spoken on, and then stands behind those that did not.
    fn evict_call(&mut self) -> bool {
        for _ in 0..MOST_LOOKS {
            match self.calls.least() {
                Some(key) if self.hears_more_of(key) => self.calls.reschedule(key),
                _ => break,
            }
        }
        let Some(key) = self.calls.least() else { return false };
        self.counts.calls_evicted += 1;
        self.close_by_signalling_or(key, End::MediaTimeout);
        true
    }

    /// Lets go of what is past its time.
    fn look_through(&mut self, now: Time) {
        while let Some(key) = self.calls.due_by(now) {
            self.look_at(key, now);
        }
        self.adopt(now - self.config.streams.look_back);
        self.media.expire(now);
    }

    /// A call is due: it has waited long enough, or media was a sign of life.
    fn look_at(&mut self, key: CallKey, now: Time) {
        self.hears_more_of(key);
        let Some(call) = self.calls.get(key) else { return };
        let (deadline, end) = call.deadline(&self.config.patience);
        if deadline <= now {
            self.close(key, end);
        } else {
            self.calls.set_due(key, deadline);
        }
    }

    fn hears_more_of(&mut self, key: CallKey) -> bool {
        self.calls.get_mut(key).is_some_and(|call| self.media.hears_more_of(call))
    }

    fn close_by_signalling_or(&mut self, key: CallKey, end: End) {
        let Some(call) = self.calls.get(key) else { return };
        let end = if call.ports_reused { End::PortReuse } else { end };
        self.close(key, call.dialog.end.unwrap_or(end));
    }

    fn close(&mut self, key: CallKey, end: End) {
        self.media.find_better_reasons(key, &mut self.calls);
        let Some(mut open) = self.calls.remove(key) else { return };
        self.faxes.forget(key, &open.fax);
        let end = replacement::end(&open, end);
        let media_until = open.media_until(self.config.patience.grace);
        let Released { legs, forks, refused } = self.media.release(key, &mut open, media_until);
        let capture_losses = self.media.lost.of(Side::BOTH.iter().flat_map(|&side| legs.of(side)));
        // It is seen when it is made, for until then it may become another call's media.
        self.counts.calls_seen += u64::from(key.is_unsignalled());
        let last_at = open.last_media_at.map_or(open.dialog.last_at, |media| media.max(open.dialog.last_at));
        self.departed.note(&open.dialog.call_id);
        self.closed_count += 1;
        self.closed.push_back(Call {
            number: self.closed_count - 1,
            key,
            notes: Vec::new(),
            ended_at: open.dialog.ended_at.unwrap_or(last_at),
            dialog: open.dialog,
            negotiation: open.negotiation,
            legs,
            refused,
            is_signalled: !key.is_unsignalled(),
            forks,
            texts: open.texts.into_kept(),
            messages: open.messages,
            messages_dropped: open.messages_dropped,
            reports: open.reports,
            fax: open.fax,
            media_keys: Vec::new(),
            reported: open.reported,
            voice_quality: open.voice_quality,
            info_digits: open.info_digits,
            replaces: open.replaces,
            signalling: open.signalling,
            ambiguous_streams: open.ambiguous_streams,
            capture_losses,
            end,
            media_until,
        });
    }
}

fn is_text(message: &Message<'_>) -> bool {
    matches!(message.start(), StartLine::Request { method: Method::Message, .. })
}

fn is_invite(message: &Message<'_>) -> bool {
    matches!(message.start(), StartLine::Request { method: Method::Invite, .. })
}

/// A call may hold so small a part of what is left of the memory for signalling: a hundred thousand may be open.
const SHARES: usize = 64;

/// How many calls are asked for their media before one is closed to make room.
const MOST_LOOKS: usize = 8;

#[cfg(test)]
mod any_order;
#[cfg(test)]
mod dialogs;
#[cfg(test)]
mod forks;
#[cfg(test)]
mod net;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod tests;
