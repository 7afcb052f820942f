//! An OpenID provider in this process: metadata, keys and tokens over plain HTTP on this machine.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use openidconnect::{ClientId, ClientSecret, Scope};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use signet_model::{Timestamp, time::Clock};
use tokio::net::TcpListener;

use crate::{
    clock::ManualClock,
    oidc::{ClaimMapping, ProviderSettings, Providers},
};

/// The client id that [`settings`] name.
pub const CLIENT: &str = "signet";
/// The subject in a token, unless a test changes it.
pub const SUBJECT: &str = "248289761001";

struct Shared {
    issuer: String,
    key: EcdsaKeyPair,
    other_key: EcdsaKeyPair,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: String,
    discoveries: usize,
    exchanges: Vec<(String, String)>,
    fails: bool,
}

/// The provider; clones share it.
#[derive(Clone)]
pub struct FakeProvider(Arc<Shared>);

impl std::fmt::Debug for FakeProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FakeProvider").field(&self.0.issuer).finish()
    }
}

fn key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).expect("a key")
}

/// The settings for a provider at this address.
pub fn settings(issuer: &str) -> ProviderSettings {
    let grants = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a grant")).collect::<Vec<_>>();
    let values = [("developers", ["acme:developer"]), ("admins", ["acme:admin"])];
    ProviderSettings {
        name: "company".parse().expect("a name"),
        label: "Company".to_owned(),
        issuer: ProviderSettings::parse_issuer(issuer).expect("an issuer"),
        client_id: ClientId::new(CLIENT.to_owned()),
        client_secret: Some(ClientSecret::new("hunter2".to_owned())),
        scopes: vec![Scope::new("email".to_owned())],
        accounts: Some(ClaimMapping {
            claim: "groups".to_owned(),
            values: values.iter().map(|(value, given)| ((*value).to_owned(), grants(given))).collect(),
        }),
        everybody: grants(&["lobby:viewer"]),
    }
}

impl FakeProvider {
    /// Starts a provider, with a clock for its tokens.
    pub async fn start() -> (Self, ManualClock) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let shared =
            Shared { issuer: format!("http://{address}"), key: key(), other_key: key(), state: Mutex::default() };
        let fake = Self(Arc::new(shared));
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = serving.clone();
                let service = service_fn(move |request| {
                    let fake = fake.clone();
                    async move { fake.respond(request).await }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        (fake, ManualClock::at(Timestamp::from_unix_seconds(1_774_699_200)))
    }

    /// The provider as a client knows it, by the name `company`.
    pub fn provider(&self) -> Providers {
        Providers::new(vec![settings(&self.0.issuer)], &[]).expect("providers")
    }

    /// Signs a token for the sign-in at this address, with the claims that `change` makes.
    pub fn answer_with(&self, address: &url::Url, clock: &dyn Clock, change: impl FnOnce(&mut Value)) {
        let nonce = address.query_pairs().find(|(name, _)| name == "nonce").expect("a nonce").1.into_owned();
        let now = clock.now().unix_seconds();
        let mut claims = json!({
            "iss": self.0.issuer, "sub": SUBJECT, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce,
            "email": "bob@example.com", "email_verified": true, "groups": ["developers", "all"],
        });
        change(&mut claims);
        self.0.state.lock().expect("a lock").token = self.sign(&claims);
    }

    fn sign(&self, claims: &Value) -> String {
        let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encoded(&json!({ "alg": "ES256", "kid": "1" })), encoded(claims));
        let key = if claims["signed by"].is_null() { &self.0.key } else { &self.0.other_key };
        let signature = key.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// How often the metadata was read.
    pub fn discoveries(&self) -> usize {
        self.0.state.lock().expect("a lock").discoveries
    }

    /// How many codes were exchanged.
    pub fn exchanges(&self) -> usize {
        self.0.state.lock().expect("a lock").exchanges.len()
    }

    /// The header and the form with which a code was exchanged.
    pub fn exchange(&self) -> (String, String) {
        self.0.state.lock().expect("a lock").exchanges.last().expect("an exchange").clone()
    }

    /// Has the provider fail from now on, or no more.
    pub fn fail(&self, fails: bool) {
        self.0.state.lock().expect("a lock").fails = fails;
    }

    async fn respond(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let path = request.uri().path().to_owned();
        let header = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let authorization = header.to_owned();
        let body = request.into_body().collect().await?.to_bytes();
        let mut state = self.0.state.lock().expect("a lock");
        let answer = match path.as_str() {
            _ if state.fails => None,
            "/.well-known/openid-configuration" => {
                state.discoveries += 1;
                Some(self.metadata())
            }
            "/keys" => Some(self.keys()),
            "/token" => {
                state.exchanges.push((authorization, String::from_utf8_lossy(&body).into_owned()));
                Some(json!({ "access_token": "a", "token_type": "Bearer", "id_token": state.token }))
            }
            _ => None,
        };
        let status = if answer.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let body = Full::new(Bytes::from(answer.unwrap_or_default().to_string()));
        let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
        Ok(response.body(body).expect("a response"))
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.0.issuer);
        json!({
            "issuer": self.0.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    fn keys(&self) -> Value {
        let (x, y) = self.0.key.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": x, "y": y }] })
    }
}
