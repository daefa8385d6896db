//! Any bytes as a session description, and two of them as offer and answer, parted by a NUL.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sdp::{Session, agree};

fuzz_target!(|bytes: &[u8]| {
    let whole = read(bytes);
    let parted = bytes.iter().position(|&byte| byte == 0).and_then(|at| bytes.split_at_checked(at));
    let (offer, answer) = match parted {
        Some((offer, answer)) => (read(offer), read(answer)),
        None => (whole.clone(), whole),
    };
    for agreed in agree(&offer, &answer) {
        assert!(agreed.offer_index < offer.media.len() && agreed.answer_index < answer.media.len());
        assert!(!agreed.is_rejected || !agreed.to_answerer.flows && !agreed.to_offerer.flows);
    }
});

fn read(bytes: &[u8]) -> Session {
    let session = match Session::read(bytes) {
        Ok(session) => session,
        Err(error) => {
            assert_ne!(error.kind(), "refused");
            return Session::default();
        }
    };
    assert!(session.media.len() <= Session::MOST_MEDIA);
    for media in &session.media {
        assert!(media.formats.len() <= Session::MOST_FORMATS);
        assert!(media.candidates.len() <= Session::MOST_CANDIDATES);
        assert!(media.formats.iter().all(|format| format.payload_type < 128));
        let _ = (media.is_secure(), media.is_rejected(), media.rtcp_endpoint(media.rtcp_mux), media.is_fax());
    }
    session
}
