//! What one session description brings: the endpoints at which its sender receives, and the names by which its media may be
//! known (RFC 8866, RFC 8839, RFC 5576).

use flow::{Address, Endpoint};
use sdp::{MediaKind, Session};

/// How an endpoint came to be named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Naming {
    /// By the description's own address and port.
    Description,
    /// The description's port at the host that sent it: its address is private or another one (NAT).
    SignallingHost,
    /// By a connectivity check of ICE that went there.
    Checked,
    /// By an ICE candidate.
    Candidate,
}

/// An endpoint at which a side said it receives media.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Named {
    /// Where.
    pub(crate) endpoint: Endpoint,
    /// How it was named.
    pub(crate) naming: Naming,
    /// What kind of media.
    pub(crate) kind: MediaKind,
}

/// What one description brought.
#[derive(Clone, Default, Debug)]
pub(crate) struct Brought {
    /// Endpoints to listen for.
    pub(crate) named: Vec<Named>,
    /// Endpoints at which RTCP is received (RFC 3605), where they are not the port beside.
    pub(crate) rtcp: Vec<Endpoint>,
    /// Sources that announce themselves (RFC 5576): SSRC and canonical name.
    pub(crate) sources: Vec<(u32, Option<String>)>,
    /// What the side is called in the checks of ICE.
    pub(crate) ufrags: Vec<String>,
}

impl Brought {
    /// Reads what `session` says, which came from the host `signalling`.
    pub(crate) fn by(session: &Session, signalling: Address) -> Brought {
        let mut brought = Brought::default();
        let wanted = || session.media.iter().filter(|media| !media.is_rejected());
        for media in wanted() {
            let described = media.address.map(Address::from).filter(|address| !address.is_unspecified());
            if let Some(address) = described {
                brought.name(address, media.port, Naming::Description, media.kind);
            }
            if described != Some(signalling) {
                brought.name(signalling, media.port, Naming::SignallingHost, media.kind);
            }
            if let Some((address, port)) = media.rtcp {
                let host = address.map(Address::from).or(described).unwrap_or(signalling);
                brought.rtcp.push(Endpoint::new(host, port));
            }
            let room = MOST_NAMED.saturating_sub(brought.sources.len());
            brought
                .sources
                .extend(media.ssrcs.iter().take(room).map(|source| (source.ssrc, source.cname.clone())));
            if let Some(ufrag) = media.ice_ufrag.as_ref().filter(|ufrag| !brought.ufrags.contains(ufrag)) {
                brought.ufrags.push(ufrag.clone());
            }
        }
        // After all the descriptions, so that candidates leave room for those.
        for media in wanted() {
            for candidate in media.candidates.iter().filter(|candidate| candidate.component == RTP_COMPONENT)
            {
                brought.name(candidate.address.into(), candidate.port, Naming::Candidate, media.kind);
            }
        }
        brought
    }

    fn name(&mut self, address: Address, port: u16, naming: Naming, kind: MediaKind) {
        let named = Named { endpoint: Endpoint::new(address, port), naming, kind };
        // Port 0 is that of its bundle, named elsewhere; port 9 says that candidates are to come.
        if matches!(port, 0 | DISCARD) {
            return;
        }
        if self.named.len() < MOST_NAMED && !self.named.contains(&named) {
            self.named.push(named);
        }
    }
}

/// The port of an address that is still to come (RFC 8840, section 4.1.1).
const DISCARD: u16 = 9;
/// Component 1 of a candidate is RTP, 2 is RTCP (RFC 8839).
const RTP_COMPONENT: u8 = 1;
/// Endpoints, or sources, of one description: two for each of the media that one may have, and a hundred candidates.
pub(crate) const MOST_NAMED: usize = 256;
