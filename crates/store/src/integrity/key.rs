//! The store's Ed25519 key (RFC 8032): what it seals is signed by it, and its public half stands beside it for whoever
//! wants to check without this program.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::line;
use crate::error::Error;
use crate::layout::{Store, list};

/// The beginning of a public key in DER (RFC 8410, section 4): the key itself is the last 32 octets.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The name of a key: 16 hexadecimal digits of its hash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct KeyName(String);

impl KeyName {
    fn of(key: &VerifyingKey) -> KeyName {
        let digest = blake3::hash(key.as_bytes()).to_hex();
        KeyName(digest.get(..16).unwrap_or_default().to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key of a store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey {
    /// Its name.
    pub name: KeyName,
    /// Its file, in PEM.
    pub path: PathBuf,
    key: VerifyingKey,
}

impl PublicKey {
    pub(super) fn verifies(&self, body: &str, signature: &[u8; 64]) -> bool {
        self.key.verify_strict(body.as_bytes(), &Signature::from_bytes(signature)).is_ok()
    }
}

/// The key that signs.
#[derive(Clone)]
pub(crate) struct Signer {
    key: Arc<SigningKey>,
    name: KeyName,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.name)
    }
}

impl Signer {
    /// The store's key; a new one where there is none.
    pub(super) fn open(store: &Store) -> Result<Signer, Error> {
        let path = store.keys().join(Store::SIGNING);
        let seed = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Signer::make(store, &path)?,
            seed => seed.map_err(Error::io("read", &path))?,
        };
        let seed: [u8; 32] = seed.try_into().map_err(|_| Error::Key { path: path.clone() })?;
        let key = SigningKey::from_bytes(&seed);
        let name = name(&key);
        let public = store.keys().join(format!("{name}.pem"));
        if !public.exists() {
            fs::write(&public, pem(&key.verifying_key())).map_err(Error::io("write", &public))?;
            store.give_to_owner(&public)?;
        }
        Ok(Signer { key: Arc::new(key), name })
    }

    /// Another may do so at the same time: who comes second takes the first one's.
    fn make(store: &Store, path: &Path) -> Result<Vec<u8>, Error> {
        let folder = store.keys();
        fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
        store.give_to_owner(&folder)?;
        let random = Path::new("/dev/urandom");
        let mut seed = vec![0; 32];
        let read = File::open(random).and_then(|mut file| file.read_exact(&mut seed));
        read.map_err(Error::io("read", random))?;
        // Whole before it has its name.
        let beside = folder.join(format!("signing.{}.tmp", std::process::id()));
        let options = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside);
        let written = options.and_then(|mut file| file.write_all(&seed).and_then(|()| file.sync_all()));
        written.map_err(Error::io("write", &beside))?;
        store.give_to_owner(&beside)?;
        let linked = fs::hard_link(&beside, path);
        fs::remove_file(&beside).map_err(Error::io("delete", &beside))?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::io("make", path)(error)),
            _ => fs::read(path).map_err(Error::io("read", path)),
        }
    }

    /// A line that holds `body`, an object without its last brace, and is signed.
    pub(super) fn sign(&self, body: String) -> String {
        let body = line::with_key(body, &self.name);
        let signature = self.key.sign(body.as_bytes());
        line::with_signature(body, &signature.to_bytes())
    }
}

impl Store {
    /// The public keys of this store: every key that ever signed in it.
    ///
    /// # Errors
    /// That of the file system; [`Error::Key`] where a file is no key.
    pub fn public_keys(&self) -> Result<Vec<PublicKey>, Error> {
        self.key_files()?.into_iter().collect()
    }

    /// The public keys that can be read. What one signed whose file was changed holds no more.
    pub(super) fn sound_keys(&self) -> Result<Vec<PublicKey>, Error> {
        let is_sound = |key: &Result<PublicKey, Error>| !matches!(key, Err(Error::Key { .. }));
        self.key_files()?.into_iter().filter(is_sound).collect()
    }

    /// The files of keys that were changed: public ones that are not what their name says, and the one that signs where
    /// its public half is not there.
    pub(super) fn changed_keys(&self) -> Result<Vec<PathBuf>, Error> {
        let is_changed = |key| if let Err(Error::Key { path }) = key { Some(path) } else { None };
        let mut changed: Vec<PathBuf> = self.key_files()?.into_iter().filter_map(is_changed).collect();
        let signing = self.keys().join(Self::SIGNING);
        // Others than its owner cannot look at it, and need not.
        if let Ok(seed) = fs::read(&signing) {
            let name = <[u8; 32]>::try_from(seed).ok().map(|seed| name(&SigningKey::from_bytes(&seed)));
            let has_public = name.is_some_and(|name| self.keys().join(format!("{name}.pem")).exists());
            changed.extend((!has_public).then_some(signing));
        }
        Ok(changed)
    }

    fn key_files(&self) -> Result<Vec<Result<PublicKey, Error>>, Error> {
        let files = match list(&self.keys()) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => vec![],
            files => files?,
        };
        let is_public = |path: &PathBuf| path.extension().is_some_and(|end| end == "pem");
        Ok(files.into_iter().filter(is_public).map(public).collect())
    }

    /// The seed of the key that signs, among the store's keys.
    const SIGNING: &str = "signing.key";

    fn keys(&self) -> PathBuf {
        self.dir().join("keys")
    }
}

fn name(key: &SigningKey) -> KeyName {
    KeyName::of(&key.verifying_key())
}

fn public(path: PathBuf) -> Result<PublicKey, Error> {
    let text = fs::read(&path).map_err(Error::io("read", &path))?;
    let text = String::from_utf8(text).unwrap_or_default();
    let base64: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = decode(&base64).filter(|der| der.len() == 44 && der.starts_with(&SPKI));
    let key = der.and_then(|der| der.last_chunk::<32>().and_then(|key| VerifyingKey::from_bytes(key).ok()));
    match key {
        // As we wrote it, under its own name, so that no key stands for another and nothing of it can be changed.
        Some(key) if pem(&key) == text && path.file_stem() == Some(KeyName::of(&key).0.as_ref()) => {
            Ok(PublicKey { name: KeyName::of(&key), path, key })
        }
        _ => Err(Error::Key { path }),
    }
}

fn pem(key: &VerifyingKey) -> String {
    let der = [&SPKI[..], key.as_bytes()].concat();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", encode(&der))
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}
