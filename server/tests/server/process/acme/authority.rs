//! A small authority that speaks ACME (RFC 8555). It takes each request's word for its
//! signature, but looks for the answer to its challenge as any authority does (RFC 8737).

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::HeaderMap,
    response::{AppendHeaders, IntoResponse},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, ServerName, UnixTime},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::patience::within;

/// The protocol of a look for the answer.
pub const CHALLENGE: &[u8] = b"acme-tls/1";
const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
/// The extension `acmeIdentifier` (1.3.6.1.5.5.7.1.31), critical, and the beginning of a hash.
const IDENTIFIER: [u8; 17] =
    [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f, 0x01, 0x01, 0xff, 0x04, 0x22, 0x04, 0x20];

/// The authority, which runs until the test ends.
pub struct Authority {
    address: SocketAddr,
    site: watch::Sender<Option<SocketAddr>>,
    office: Arc<Office>,
}

struct Office {
    name: &'static str,
    url: String,
    issuer: Issuer<'static, KeyPair>,
    root: String,
    root_der: CertificateDer<'static>,
    site: watch::Receiver<Option<SocketAddr>>,
    orders: AtomicUsize,
    challenges: AtomicUsize,
    case: Mutex<Case>,
}

/// The order that is under way.
#[derive(Default)]
struct Case {
    thumbprint: String,
    refusal: Option<&'static str>,
    authorized: Option<Result<(), &'static str>>,
    certificate: Option<String>,
}

impl Authority {
    /// Starts an authority that gives certificates for one name.
    pub async fn start(name: &'static str) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = socket.local_addr().expect("an address");
        let (site, receiver) = watch::channel(None);
        let office = Arc::new(Office::open(name, format!("https://{address}"), receiver));
        let acceptor = TlsAcceptor::from(office.server(address));
        let router = Router::new()
            .route("/directory", get(directory))
            .route("/nonce", get(nonce))
            .route("/account", post(account))
            .route("/order", post(order))
            .route("/order/1", post(state))
            .route("/authorization/1", post(authorization))
            .route("/challenge/1", post(challenge))
            .route("/finalize/1", post(finalize))
            .route("/certificate/1", post(certificate))
            .with_state(Arc::clone(&office));
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(router.clone()));
                tokio::spawn(async move {
                    let stream = TokioIo::new(acceptor.accept(stream).await?);
                    // The client may close a connection whenever it wants.
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
                    std::io::Result::Ok(())
                });
            }
        });
        Self { address, site, office }
    }

    /// The URL of the directory.
    pub fn directory(&self) -> String {
        format!("https://{}/directory", self.address)
    }

    /// Writes the root certificate into a file.
    pub fn root_file(&self, folder: &Path) -> PathBuf {
        let path = folder.join("root.pem");
        std::fs::write(&path, &self.office.root).expect("written");
        path
    }

    /// Tells the address to which the name leads.
    pub fn looks_at(&self, address: SocketAddr) {
        self.site.send_replace(Some(address));
    }

    /// Refuses the next order for this reason.
    pub fn refuses_once(&self, reason: &'static str) {
        self.office.case.lock().expect("a lock").refusal = Some(reason);
    }

    /// The number of orders.
    pub fn orders(&self) -> usize {
        self.office.orders.load(Ordering::SeqCst)
    }

    /// The number of answers to challenges that were looked for, and found.
    pub fn challenges(&self) -> usize {
        self.office.challenges.load(Ordering::SeqCst)
    }

    /// A client that trusts the root alone.
    pub fn client(&self, protocol: &[u8]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.office.root_der.clone()).expect("a root");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("versions");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    }
}

impl Office {
    fn open(name: &'static str, url: String, site: watch::Receiver<Option<SocketAddr>>) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let root = params.self_signed(&key).expect("a certificate");
        Self {
            name,
            url,
            root: root.pem(),
            root_der: root.der().clone(),
            issuer: Issuer::new(params, key),
            site,
            orders: AtomicUsize::new(0),
            challenges: AtomicUsize::new(0),
            case: Mutex::default(),
        }
    }

    /// The authority's own server.
    fn server(&self, address: SocketAddr) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![address.ip().to_string()]).expect("parameters");
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()));
        Arc::new(config.expect("a certificate"))
    }

    fn case(&self) -> std::sync::MutexGuard<'_, Case> {
        self.case.lock().expect("a lock")
    }

    fn order(&self) -> Value {
        let case = self.case();
        let status = match (&case.certificate, case.authorized) {
            (Some(_), _) => "valid",
            (None, None) => "pending",
            (None, Some(Ok(()))) => "ready",
            (None, Some(Err(_))) => "invalid",
        };
        json!({
            "status": status,
            "identifiers": [{ "type": "dns", "value": self.name }],
            "authorizations": [format!("{}/authorization/1", self.url)],
            "finalize": format!("{}/finalize/1", self.url),
            "certificate": format!("{}/certificate/1", self.url),
        })
    }

    /// Connects to the site as RFC 8737 has it, and looks for the answer in the certificate.
    async fn look(&self) {
        let mut site = self.site.clone();
        let address = within("the site", site.wait_for(Option::is_some)).await.expect("the test runs").expect("known");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anything));
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![CHALLENGE.to_vec()];
        let stream = TcpStream::connect(address).await.expect("a connection");
        let name = ServerName::try_from(self.name).expect("a name");
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake");
        let connection = stream.get_ref().1;
        assert_eq!(connection.alpn_protocol(), Some(CHALLENGE));
        let shown = connection.peer_certificates().expect("a certificate")[0].to_vec();
        let answer = Sha256::digest(format!("{TOKEN}.{}", self.case().thumbprint));
        let extension = [&IDENTIFIER[..], &answer].concat();
        assert!(memchr::memmem::find(&shown, &extension).is_some(), "the answer is in the certificate");
        assert!(memchr::memmem::find(&shown, self.name.as_bytes()).is_some(), "so is the name");
        let read = within("the site closes", stream.read(&mut [0])).await;
        assert!(matches!(read, Ok(0) | Err(_)), "there is nothing behind the handshake");
        self.challenges.fetch_add(1, Ordering::SeqCst);
    }
}

/// The parts of a signed request: its head, and what it says.
fn parts(body: &Bytes) -> (Value, Value) {
    let request: Value = serde_json::from_slice(body).expect("JSON");
    let part = |name: &str| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(request[name].as_str().expect("a text")).expect("base64");
        serde_json::from_slice(&bytes).unwrap_or_default()
    };
    (part("protected"), part("payload"))
}

fn at(url: String) -> AppendHeaders<[(&'static str, String); 1]> {
    AppendHeaders([("location", url)])
}

async fn directory(State(office): State<Arc<Office>>) -> Json<Value> {
    let at = |path: &str| format!("{}/{path}", office.url);
    Json(json!({ "newNonce": at("nonce"), "newAccount": at("account"), "newOrder": at("order") }))
}

async fn nonce() -> impl IntoResponse {
    AppendHeaders([("replay-nonce", "nonce")])
}

async fn account(State(office): State<Arc<Office>>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    assert_eq!(headers["content-type"], "application/jose+json");
    let (head, request) = parts(&body);
    assert_eq!(request["contact"], json!(["mailto:ops@example.com"]));
    let key = &head["jwk"];
    // RFC 7638: the required members alone, in this order.
    let canonical = format!(r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#, key["crv"], key["kty"], key["x"], key["y"]);
    office.case().thumbprint = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
    (at(format!("{}/account/1", office.url)), Json(json!({ "status": "valid" })))
}

async fn order(State(office): State<Arc<Office>>, body: Bytes) -> impl IntoResponse {
    let (_, request) = parts(&body);
    assert_eq!(request["identifiers"], json!([{ "type": "dns", "value": office.name }]));
    office.orders.fetch_add(1, Ordering::SeqCst);
    {
        let mut case = office.case();
        (case.authorized, case.certificate) = (None, None);
    }
    (at(format!("{}/order/1", office.url)), Json(office.order()))
}

async fn state(State(office): State<Arc<Office>>) -> Json<Value> {
    Json(office.order())
}

async fn authorization(State(office): State<Arc<Office>>) -> Json<Value> {
    let (status, error) = match office.case().authorized {
        None => ("pending", Value::Null),
        Some(Ok(())) => ("valid", Value::Null),
        Some(Err(reason)) => ("invalid", json!({ "type": "urn:ietf:params:acme:error:caa", "detail": reason })),
    };
    let challenge = json!({
        "type": "tls-alpn-01", "url": format!("{}/challenge/1", office.url), "token": TOKEN, "error": error,
    });
    let identifier = json!({ "type": "dns", "value": office.name });
    Json(json!({ "status": status, "identifier": identifier, "challenges": [challenge] }))
}

async fn challenge(State(office): State<Arc<Office>>) -> Json<Value> {
    let refusal = office.case().refusal.take();
    if let Some(reason) = refusal {
        office.case().authorized = Some(Err(reason));
    } else {
        office.look().await;
        office.case().authorized = Some(Ok(()));
    }
    Json(json!({ "status": "processing" }))
}

async fn finalize(State(office): State<Arc<Office>>, body: Bytes) -> Json<Value> {
    let (_, request) = parts(&body);
    let der = BASE64_URL_SAFE_NO_PAD.decode(request["csr"].as_str().expect("a text")).expect("base64");
    let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(der));
    let certificate = request.expect("a request").signed_by(&office.issuer).expect("a certificate");
    office.case().certificate = Some(certificate.pem());
    Json(office.order())
}

async fn certificate(State(office): State<Arc<Office>>) -> String {
    office.case().certificate.clone().expect("finalized")
}

/// Takes any certificate: that of a challenge is signed by its own key.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
