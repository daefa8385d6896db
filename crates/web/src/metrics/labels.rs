//! The closed sets of label values: those of this crate as enums, those that other crates own as they give them.

/// The sets that other crates own, as those spell them. None may be empty; a value is a word, never a number.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// What became of a call.
    pub outcomes: &'a [&'a str],
    /// Why a call ended.
    pub end_reasons: &'a [&'a str],
    /// Why two calls are linked.
    pub link_reasons: &'a [&'a str],
    /// Where the samples of a recording come from.
    pub audio: &'a [&'a str],
    /// Methods of SIP requests, with one for the unknown ones.
    pub sip_methods: &'a [&'a str],
    /// Classes of SIP responses: `1xx` to `6xx`.
    pub sip_classes: &'a [&'a str],
    /// Why bytes are no SIP message.
    pub sip_errors: &'a [&'a str],
    /// Why nothing could be made of a frame.
    pub undecodable: &'a [&'a str],
    /// What packets are that are understood and neither signalling nor media.
    pub set_aside: &'a [&'a str],
    /// What became of an IP fragment.
    pub fragments: &'a [&'a str],
    /// What became of a TCP stream.
    pub tcp_streams: &'a [&'a str],
    /// What became of a HEP packet.
    pub hep: &'a [&'a str],
    /// What became of a TLS record.
    pub tls_records: &'a [&'a str],
}

/// Writes the enum with `ALL`, `NAMES` and `as_str`, so that none can fall behind the variants.
macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $label:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// Every label, in the same order.
            pub(super) const NAMES: &'static [&'static str] = &[$($label),+];

            /// The label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $label,)+
                }
            }
        }
    };
}

closed_set! {
    /// What became of an encrypted packet of a stream whose key is known.
    SrtpResult {
        /// It was opened.
        Opened = "opened",
        /// It is genuine under none of the keys.
        AuthenticationFailed = "authentication_failed",
    }
}

closed_set! {
    /// Where frames come from; sources of one kind are counted together.
    Source {
        /// A capture file or standard input.
        File = "file",
        /// A network interface.
        Interface = "interface",
        /// Frames that a HEP agent sends.
        Hep = "hep",
    }
}

closed_set! {
    /// Who lost a packet before it was looked at.
    Stage {
        /// The network card.
        Interface = "interface",
        /// The kernel: its ring was full.
        Kernel = "kernel",
        /// This program: a queue of its own was full.
        Queue = "queue",
        /// The disk did not keep up.
        Disk = "disk",
    }
}

closed_set! {
    /// What became of a datagram that may be media.
    Disposition {
        /// Kept in a stream that a call claims.
        Attached = "attached",
        /// Kept in a stream that no call claims.
        Orphan = "orphan",
        /// Its source has not proved to be a stream.
        Probation = "probation",
        /// Its header contradicts its length.
        Malformed = "malformed",
        /// The table was full.
        Refused = "refused",
        /// RTCP.
        Rtcp = "rtcp",
        /// STUN.
        Stun = "stun",
        /// DTLS.
        Dtls = "dtls",
        /// T.38 by UDPTL, in a call.
        Fax = "fax",
    }
}

closed_set! {
    /// Why a stream ended without a call.
    OrphanReason {
        /// No call named it within the look-back.
        Unclaimed = "unclaimed",
        /// More than one call could have claimed it.
        Ambiguous = "ambiguous",
        /// It had to make room.
        Evicted = "evicted",
    }
}

closed_set! {
    /// A bounded table that the network feeds.
    Table {
        /// Calls.
        Calls = "calls",
        /// RTP streams.
        Streams = "streams",
        /// IP packets that wait for their fragments.
        Fragments = "fragments",
        /// Bytes of these fragments.
        FragmentBytes = "fragment_bytes",
        /// Packets that are remembered, to know their copies by.
        Duplicates = "duplicates",
        /// RTP packets kept, of all streams.
        KeptPackets = "kept_packets",
        /// Bytes copied of these packets.
        CopiedBytes = "copied_bytes",
        /// Both ends of the streams that wait for a call.
        Waiting = "waiting",
        /// Senders of such streams of which RTCP told.
        Hearsay = "hearsay",
        /// Endpoints and sources that calls named for their media.
        Claims = "claims",
        /// Bytes of signalling, and of all else that open calls hold.
        SignallingBytes = "signalling_bytes",
        /// Call-IDs of calls that are over, by which stragglers are known.
        DepartedCalls = "departed_calls",
        /// Streams that are gone and may yet be worth a word.
        DepartedStreams = "departed_streams",
        /// Losses of late, by which those of the capture are told from those of the network.
        Losses = "losses",
        /// Agents that are connected for HEP.
        HepConnections = "hep_connections",
        /// TCP connections.
        TcpConnections = "tcp_connections",
        /// Bytes that wait in them for others.
        TcpBytes = "tcp_bytes",
        /// Flows of media over which a DTLS handshake was seen.
        DtlsHandshakes = "dtls_handshakes",
        /// Calls that are over and may be linked with those to come.
        LinkedCalls = "linked_calls",
        /// Bytes of what their messages say.
        LinkedBytes = "linked_bytes",
        /// Digests of their payloads.
        LinkedPayloads = "linked_payloads",
    }
}

closed_set! {
    /// What was being done to the store when it failed.
    Operation {
        /// Making a file or a folder.
        Create = "create",
        /// Writing audio, a record or a journal.
        Write = "write",
        /// Bringing it to the disk.
        Sync = "sync",
        /// Giving a finished file its name.
        Rename = "rename",
        /// Reading back.
        Read = "read",
        /// Removing.
        Delete = "delete",
        /// The index.
        Index = "index",
    }
}
