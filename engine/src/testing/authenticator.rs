//! An authenticator in software: makes passkeys and signs with them, as a browser answers.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Flags of the authenticator (WebAuthn, section 6.1): the person was there, and was verified.
const PRESENT_AND_VERIFIED: u8 = 0x01 | 0x04;
/// A new credential is attached.
const ATTACHED: u8 = 0x40;

/// One passkey, once it was made.
#[expect(missing_debug_implementations, reason = "it holds a private key")]
pub struct Authenticator {
    key: EcdsaKeyPair,
    id: [u8; 16],
    user_handle: String,
    flags: u8,
}

impl Authenticator {
    /// One with a new key.
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).expect("a key");
        let id = Sha256::digest(key.public_key())[..16].try_into().expect("16 bytes");
        Self { key, id, user_handle: String::new(), flags: PRESENT_AND_VERIFIED }
    }

    /// The same, but it does not verify who holds it.
    #[must_use]
    pub fn without_verification(self) -> Self {
        Self { flags: 0x01, ..self }
    }

    /// Makes a passkey at this origin, and answers as the browser does.
    pub fn register(&mut self, options: &str, origin: &str) -> String {
        let options: Value = serde_json::from_str(options).expect("options");
        self.user_handle = text(&options["user"]["id"]);
        let client_data = client_data("webauthn.create", &options, origin);
        let mut data = self.data(&text(&options["rp"]["id"]), ATTACHED);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.id);
        data.extend(self.public_key());
        let length = u8::try_from(data.len()).expect("a short text");
        let attestation = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58", &[length][..], &data].concat();
        self.answer(&json!({ "clientDataJSON": encoded(&client_data), "attestationObject": encoded(&attestation) }))
    }

    /// Signs a challenge at this origin, and answers as the browser does.
    pub fn sign(&self, options: &str, origin: &str) -> String {
        let options: Value = serde_json::from_str(options).expect("options");
        let client_data = client_data("webauthn.get", &options, origin);
        let data = self.data(&text(&options["rpId"]), 0);
        let signed = [&data[..], &Sha256::digest(&client_data)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("a signature");
        self.answer(&json!({
            "clientDataJSON": encoded(&client_data),
            "authenticatorData": encoded(&data),
            "signature": encoded(signature.as_ref()),
            "userHandle": self.user_handle,
        }))
    }

    /// The count of signatures stays zero, as with passkeys that several devices share.
    fn data(&self, place: &str, flags: u8) -> Vec<u8> {
        [&Sha256::digest(place)[..], &[self.flags | flags], &[0; 4]].concat()
    }

    /// The public key as a COSE key (RFC 9053, section 7.1) of ES256.
    fn public_key(&self) -> Vec<u8> {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x, b"\x22\x58\x20", y].concat()
    }

    fn answer(&self, response: &Value) -> String {
        let id = encoded(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {} })
            .to_string()
    }
}

impl Default for Authenticator {
    fn default() -> Self {
        Self::new()
    }
}

fn client_data(kind: &str, options: &Value, origin: &str) -> Vec<u8> {
    let challenge = &options["challenge"];
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false }).to_string().into_bytes()
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
