//! Opens the packets of one source: finds the key and the rollover counter under which each is genuine.

use aes::{Aes128, Aes256};
use aes_gcm::aead::{AeadInOut, KeyInit as _};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ctr::Ctr128BE;
use ctr::cipher::{InnerIvInit, StreamCipher};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::derivation::{SALT_LEN, SessionKeys};
use super::suite::{MasterKey, Suite};
use crate::id::{Seq, Ssrc};

/// A packet as it came.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'a> {
    /// Who sends.
    pub ssrc: Ssrc,
    /// The sequence number.
    pub seq: Seq,
    /// Everything before the payload: fixed header, CSRC list, extension.
    pub header: &'a [u8],
    /// Everything behind it: encrypted payload, tag, key identifier.
    pub payload: &'a [u8],
}

/// Why a packet stays shut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It is shorter than its tag.
    Short,
    /// It is genuine under none of the keys.
    Authentication,
}

/// What became of the packets of one source.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Opened.
    pub opened: u64,
    /// Shut for good.
    pub refused: u64,
}

/// Opens the packets of one SSRC.
pub struct Opener {
    keys: Vec<Key>,
    /// Of the last packet that was opened: by which key, and which number it had.
    last: Option<(usize, Index)>,
    /// How many rollover counters may still be tried out.
    trials: u32,
    counts: Counts,
}

/// A packet's number without end: rollover counter, then sequence number (RFC 3711, section 3.3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Index(u64);

impl Index {
    const fn new(rollovers: u32, seq: Seq) -> Index {
        Index(((rollovers as u64) << 16) | seq.0 as u64)
    }

    const fn rollovers(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// The number nearest to this one that ends in `seq`.
    fn nearest(self, seq: Seq) -> Index {
        let here = Index::new(self.rollovers(), seq);
        match here.0 as i64 - self.0 as i64 {
            ahead if ahead > HALF => Index(here.0.saturating_sub(ROUND)),
            behind if behind < -HALF => Index(here.0 + ROUND),
            _ => here,
        }
    }
}

const ROUND: u64 = 1 << 16;
const HALF: i64 = 1 << 15;

/// A call may be joined after so many rounds of 65536 packets: at 50 a second, a fortnight.
const MOST_ROLLOVERS: u32 = 1024;
/// Counters tried in all for one source: enough to find each of some keys once, too few to be worth an attack.
const MOST_TRIALS: u32 = 64 * MOST_ROLLOVERS;
/// Keys of one source: each description of a call may bring some.
const MOST_KEYS: usize = 64;

impl Opener {
    /// Opens by any of `keys`.
    #[must_use]
    pub fn new<'k>(keys: impl IntoIterator<Item = &'k MasterKey>) -> Opener {
        let keys = keys.into_iter().take(MOST_KEYS).filter_map(Key::new).collect();
        Opener { keys, last: None, trials: MOST_TRIALS, counts: Counts::default() }
    }

    /// Whether there is a key at all.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// What became of the packets so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Puts the packet's payload in the clear behind what `out` holds. Where that fails `out` stays as it was.
    pub fn open(&mut self, packet: Sealed<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let opened = self.open_any(packet, out);
        match opened {
            Ok(()) => self.counts.opened += 1,
            Err(_) => self.counts.refused += 1,
        }
        opened
    }

    fn open_any(&mut self, packet: Sealed<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let following = self.last.map(|(at, index)| (at, index.nearest(packet.seq)));
        if let Some((at, index)) = following
            && let Some(key) = self.keys.get(at)
            && key.open(packet, index, out) == Ok(true)
        {
            self.last = following;
            return Ok(());
        }
        // A new key may begin at zero or go on; a source that was joined late is somewhere.
        let near = following.map_or(0, |(_, index)| index.rollovers());
        let likely = [near, 0, near.saturating_add(1), near.saturating_sub(1)];
        let late = if following.is_none() { 1..MOST_ROLLOVERS } else { 0..0 };
        let mut refusal = Refusal::Short;
        for (at, key) in self.keys.iter().enumerate() {
            for rollovers in likely.into_iter().chain(late.clone()) {
                let Some(left) = self.trials.checked_sub(1) else { return Err(Refusal::Authentication) };
                self.trials = left;
                let index = Index::new(rollovers, packet.seq);
                match key.open(packet, index, out) {
                    Ok(true) => {
                        (self.last, self.trials) = (Some((at, index)), MOST_TRIALS);
                        return Ok(());
                    }
                    Ok(false) => refusal = Refusal::Authentication,
                    Err(_) => break,
                }
            }
        }
        Err(refusal)
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("keys", &self.keys.len()).field("counts", &self.counts).finish()
    }
}

/// A master key made ready.
struct Key {
    suite: Suite,
    cipher: Cipher,
    /// Keyed, and fed nothing yet; unused where the cipher proves packets genuine itself.
    authentication: Hmac<Sha1>,
    salt: [u8; SALT_LEN],
    identifier: Vec<u8>,
}

/// Boxed where a schedule is large: a key stands in a list.
enum Cipher {
    Counter128(Box<Aes128>),
    Counter256(Box<Aes256>),
    Galois128(Box<Aes128Gcm>),
    Galois256(Box<Aes256Gcm>),
}

impl Key {
    fn new(master: &MasterKey) -> Option<Key> {
        let keys = SessionKeys::of(master);
        let cipher = match (master.suite.is_aead(), master.suite.key_len()) {
            (false, 16) => {
                Cipher::Counter128(Box::new(aes::cipher::KeyInit::new_from_slice(&keys.cipher).ok()?))
            }
            (false, _) => {
                Cipher::Counter256(Box::new(aes::cipher::KeyInit::new_from_slice(&keys.cipher).ok()?))
            }
            (true, 16) => Cipher::Galois128(Box::new(Aes128Gcm::new_from_slice(&keys.cipher).ok()?)),
            (true, _) => Cipher::Galois256(Box::new(Aes256Gcm::new_from_slice(&keys.cipher).ok()?)),
        };
        let authentication = Hmac::new_from_slice(&keys.authentication).ok()?;
        let (suite, salt, identifier) = (master.suite, keys.salt, master.identifier.clone());
        Some(Key { suite, cipher, authentication, salt, identifier })
    }

    /// Whether the packet is genuine under this key and number; if it is, its payload in the clear is in `out`. Fails
    /// where the packet is too short for it, whatever the number.
    fn open(&self, packet: Sealed<'_>, index: Index, out: &mut Vec<u8>) -> Result<bool, Refusal> {
        let rollovers = index.rollovers().to_be_bytes();
        let before = out.len();
        if self.suite.is_aead() {
            let (sealed, identifier) = split_end(packet.payload, self.identifier.len())?;
            let (encrypted, tag) = split_end(sealed, self.suite.tag_len())?;
            if identifier != self.identifier {
                return Ok(false);
            }
            out.extend_from_slice(encrypted);
            let genuine = self.open_galois(packet, index, tag, out.get_mut(before..).unwrap_or_default());
            if !genuine {
                out.truncate(before);
            }
            return Ok(genuine);
        }
        let (rest, tag) = split_end(packet.payload, self.suite.tag_len())?;
        let (encrypted, identifier) = split_end(rest, self.identifier.len())?;
        let mut authentication = self.authentication.clone();
        for part in [packet.header, encrypted, &rollovers] {
            authentication.update(part);
        }
        if identifier != self.identifier || authentication.verify_truncated_left(tag).is_err() {
            return Ok(false);
        }
        out.extend_from_slice(encrypted);
        self.apply_counter(packet.ssrc, index, out.get_mut(before..).unwrap_or_default());
        Ok(true)
    }

    /// RFC 3711, section 4.1.1: the salt, the source and the packet's number, exclusive or, are the first counter.
    fn apply_counter(&self, ssrc: Ssrc, index: Index, octets: &mut [u8]) {
        let mut counter = [0u8; 16];
        counter.iter_mut().zip(self.salt).for_each(|(octet, salt)| *octet = salt);
        let [_, _, number @ ..] = index.0.to_be_bytes();
        let mixed = ssrc.0.to_be_bytes().into_iter().chain(number);
        counter.iter_mut().skip(4).zip(mixed).for_each(|(octet, mixed)| *octet ^= mixed);
        match &self.cipher {
            Cipher::Counter128(aes) => counted::<Aes128>(aes, &counter, octets),
            Cipher::Counter256(aes) => counted::<Aes256>(aes, &counter, octets),
            Cipher::Galois128(_) | Cipher::Galois256(_) => {}
        }
    }

    /// RFC 7714, section 8.1: two zeros, the source and the packet's number, exclusive or the salt, are the nonce; the
    /// header is what goes with it.
    fn open_galois(&self, packet: Sealed<'_>, index: Index, tag: &[u8], octets: &mut [u8]) -> bool {
        let mut nonce = [0u8; 12];
        let [_, _, number @ ..] = index.0.to_be_bytes();
        let mixed = [0, 0].into_iter().chain(packet.ssrc.0.to_be_bytes()).chain(number);
        nonce.iter_mut().zip(mixed.zip(self.salt)).for_each(|(octet, (mixed, salt))| *octet = mixed ^ salt);
        let Ok(tag) = tag.try_into() else { return false };
        let opened = match &self.cipher {
            Cipher::Galois128(aes) => {
                aes.decrypt_inout_detached(&nonce.into(), packet.header, octets.into(), tag)
            }
            Cipher::Galois256(aes) => {
                aes.decrypt_inout_detached(&nonce.into(), packet.header, octets.into(), tag)
            }
            Cipher::Counter128(_) | Cipher::Counter256(_) => return false,
        };
        opened.is_ok()
    }
}

fn counted<C>(cipher: &C, counter: &[u8; 16], octets: &mut [u8])
where
    C: aes::cipher::BlockCipherEncrypt
        + aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>
        + Clone,
{
    let core = ctr::CtrCore::inner_iv_init(cipher.clone(), counter.into());
    Ctr128BE::from_core(core).apply_keystream(octets);
}

fn split_end(octets: &[u8], len: usize) -> Result<(&[u8], &[u8]), Refusal> {
    octets.len().checked_sub(len).and_then(|at| octets.split_at_checked(at)).ok_or(Refusal::Short)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What libsrtp sealed, and what it had sealed.
    struct Vector {
        key: MasterKey,
        header: usize,
        clear: Vec<u8>,
        packet: Vec<u8>,
    }

    impl Vector {
        fn sealed(&self) -> Sealed<'_> {
            let (header, payload) = self.packet.split_at(self.header);
            let seq = Seq(u16::from_be_bytes([header[2], header[3]]));
            Sealed { ssrc: Ssrc(0xdead_beef), seq, header, payload }
        }
    }

    /// Eight packets in a row for each suite and form.
    fn vectors() -> Vec<Vec<Vector>> {
        let octets = |hex: &str| -> Vec<u8> {
            (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect()
        };
        let vector = |line: &str| {
            let [suite, key, identifier, header, clear, packet] = line.split(' ').collect::<Vec<_>>()[..]
            else {
                panic!("{line}")
            };
            let identifier = octets(identifier.trim_matches('-'));
            let key = MasterKey::new(Suite::named(suite).unwrap(), &octets(key), &identifier).unwrap();
            Vector { key, header: header.parse().unwrap(), clear: octets(clear), packet: octets(packet) }
        };
        let mut lines = include_str!("../../../../fixtures/srtp/libsrtp.txt").lines().map(vector);
        let mut all = Vec::new();
        loop {
            let row: Vec<Vector> = lines.by_ref().take(8).collect();
            if row.is_empty() {
                return all;
            }
            all.push(row);
        }
    }

    fn open_all<'v>(opener: &mut Opener, row: impl IntoIterator<Item = &'v Vector>) {
        for vector in row {
            let mut out = vec![9];
            opener
                .open(vector.sealed(), &mut out)
                .unwrap_or_else(|error| panic!("{:?}: {error:?}", vector.key));
            assert_eq!((out[0], &out[1..]), (9, &vector.clear[..]), "{:?}", vector.key);
        }
    }

    #[test]
    fn opens_what_the_reference_implementation_sealed() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 18);
        for row in &vectors {
            let mut opener = Opener::new([&row[0].key]);
            // The number wraps after the fourth packet of most rows.
            open_all(&mut opener, row);
            assert_eq!(opener.counts(), Counts { opened: 8, refused: 0 });
        }
    }

    #[test]
    fn opens_in_any_order_joined_late_and_by_the_right_one_of_many_keys() {
        let vectors = vectors();
        for row in &vectors {
            open_all(&mut Opener::new([&row[0].key]), row.iter().rev());
            open_all(&mut Opener::new([&row[0].key]), row.iter().skip(5));
            open_all(&mut Opener::new(vectors.iter().map(|row| &row[0].key)), row);
        }
    }

    #[test]
    fn a_new_key_in_mid_stream_is_found() {
        let vectors = vectors();
        let keys: Vec<&MasterKey> = vectors.iter().map(|row| &row[0].key).collect();
        let mut opener = Opener::new(keys);
        vectors.iter().for_each(|row| open_all(&mut opener, row));
        assert_eq!(opener.counts().refused, 0);
    }

    #[test]
    fn what_is_not_genuine_stays_shut_and_costs_little() {
        let vectors = vectors();
        for row in &vectors {
            let mut opener = Opener::new([&row[0].key]);
            let mut out = Vec::new();
            let mut forged = row[0].packet.clone();
            *forged.last_mut().unwrap() ^= 1;
            let (header, payload) = forged.split_at(row[0].header);
            let packet = Sealed { header, payload, ..row[0].sealed() };
            for _ in 0..200 {
                assert_eq!(opener.open(packet, &mut out), Err(Refusal::Authentication));
            }
            assert!(out.is_empty() && opener.trials == 0, "the search for the counter ends");
            let short = Sealed { payload: &payload[..3], ..packet };
            assert_eq!(Opener::new([&row[0].key]).open(short, &mut out), Err(Refusal::Short));
        }
        let mut none = Opener::new([]);
        assert!(!none.has_keys() && none.open(vectors[0][0].sealed(), &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn no_octets_whatever_make_it_panic(
            row in 0..18usize,
            header in prop::collection::vec(any::<u8>(), 0..40),
            payload in prop::collection::vec(any::<u8>(), 0..80),
            seq: u16,
        ) {
            let vectors = vectors();
            let mut opener = Opener::new([&vectors[row][0].key]);
            let packet = Sealed { ssrc: Ssrc(1), seq: Seq(seq), header: &header, payload: &payload };
            prop_assert!(opener.open(packet, &mut Vec::new()).is_err());
        }

        #[test]
        fn the_nearest_number_is_the_nearest(at in 0..1u64 << 40, seq: u16) {
            let nearest = Index(at).nearest(Seq(seq));
            prop_assert_eq!(nearest.0 as u16, seq);
            let round = |n: i64| (at as i64 >> 16) + n;
            let naive = (-1..=1).map(round).filter(|&rollovers| rollovers >= 0).map(|rollovers| {
                Index::new(rollovers as u32, Seq(seq)).0.abs_diff(at)
            });
            prop_assert_eq!(Some(nearest.0.abs_diff(at)), naive.min());
        }
    }
}
