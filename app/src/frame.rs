//! The frame of a page: the session, the address, and the flash message of a request.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRequestParts, OriginalUri, Path},
    http::{HeaderValue, Method, Uri, header, request::Parts},
    response::{Html, IntoResponse, Response},
};
use leptos::{nonce::Nonce, prelude::*};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use signet_engine::{
    Engine,
    actor::{Actor, Permission, Rights},
    request::ClientAddress,
    service::{
        AccountHandle, Myself,
        event_types::Catalogue,
        sessions::{Browser, Session, SessionToken},
    },
};
use signet_model::{Role, Timestamp, UserId, portal::Theme};

use crate::{
    ancestors,
    brand::Logo,
    compressible::{Compressible, SecretsShown},
    cookie,
    error::PageError,
    flash::Flash,
    form::{Form, Reviewing},
    handover::Handover,
    pages::{accounts, login, operator, portal, theme},
    place::{Framed, Place},
    preferences::Preferences,
    redirect::{see_other, with_cookie},
    shell,
    state::AppState,
    transport::Transport,
    zone,
};

/// The frame of a page, with a session or without.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) state: AppState,
    pub(crate) session: Option<Session>,
    pub(crate) path: String,
    /// The path and the query.
    pub(crate) address: String,
    /// The choices that the browser keeps.
    pub(crate) preferences: Preferences,
    /// The browser has said in which time zone it is, or the person has chosen one.
    pub(crate) knows_zone: bool,
    host: Option<String>,
    pub(crate) flash: Option<Flash>,
    /// The way by which the browser came.
    pub(crate) transport: Transport,
    /// The place in which the page is shown.
    pub(crate) place: Place,
    /// The pages of the service may have this one in a frame.
    framed: bool,
    /// The page is for somebody who came by a portal link.
    of_portal: bool,
    /// Light or dark, where the link chose.
    theme: Option<Theme>,
    /// Light or dark, where the person chose in this browser.
    chosen_theme: Option<Theme>,
    /// A one-time link to show.
    link: Option<Handover>,
    /// The browser, should it sign in.
    pub(crate) browser: Browser,
    /// The instant for which the page is rendered.
    pub(crate) now: Timestamp,
}

impl Frame {
    /// The frame of a request.
    pub(crate) fn of(parts: &Parts, state: &AppState) -> Self {
        let place = Place::of_parts(parts);
        let session = parts.extensions.get::<Session>().cloned();
        let knows_zone = zone::is_known(&parts.headers) || session.as_ref().is_some_and(|it| it.time_zone.is_some());
        Self {
            state: state.clone(),
            place,
            framed: session.is_some() && place == Place::Frame,
            of_portal: session.as_ref().is_some_and(|session| session.portal().is_some()),
            theme: session.as_ref().and_then(Session::portal).and_then(|portal| portal.theme),
            session,
            path: asked(parts).path().to_owned(),
            address: if parts.method == Method::GET { asked(parts).to_string() } else { String::new() },
            chosen_theme: theme::chosen(&parts.headers),
            preferences: Preferences::of(&parts.headers),
            knows_zone,
            host: parts.headers.get(header::HOST).and_then(|it| it.to_str().ok()).map(ToOwned::to_owned),
            flash: reviewed(parts).or_else(|| Flash::from_headers(&parts.headers)),
            transport: parts.extensions.get::<Transport>().copied().unwrap_or(Transport::Secure),
            link: Handover::from_headers(&parts.headers),
            browser: browser(parts),
            now: state.now(),
        }
    }

    /// The frame with its session, if there is one for an account.
    pub(crate) fn member(self) -> Option<Member> {
        let actor = self.session.as_ref()?.actor(self.browser.address())?;
        Some(Member { frame: self, actor })
    }

    /// Keeps a session in the browser, and sends it to a page.
    pub(crate) fn signed_in(&self, token: &SessionToken, path: &str) -> Response {
        self.keep(token, see_other(path))
    }

    /// Keeps a session in the browser that gets this answer.
    pub(crate) fn keep(&self, token: &SessionToken, response: Response) -> Response {
        with_cookie(cookie::keep_session(token, self.state.engine.session_lifetime()), response)
    }

    /// The one-time link that this page shows.
    pub(crate) fn handover(&self) -> Option<String> {
        self.link.as_ref().map(|link| link.url(&self.origin()))
    }

    /// Returns true if the session has a permission in its account.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        let actor = self.session.as_ref().and_then(|session| session.actor(None));
        actor.is_some_and(|actor| actor.may(permission))
    }

    /// The frame of a page at the entrance: without a session, and inside a frame if it was asked
    /// for there.
    pub(crate) fn at_the_entrance(&self, theme: Option<Theme>) -> Self {
        Self { session: None, of_portal: true, framed: self.place == Place::Frame, theme, ..self.clone() }
    }

    /// Returns true if the page is for somebody who came by a portal link.
    pub(crate) const fn is_of_portal(&self) -> bool {
        self.of_portal
    }

    /// Light or dark.
    pub(crate) fn theme(&self) -> Theme {
        self.chosen_theme.or(self.theme).unwrap_or(self.state.brand.theme())
    }

    /// The address of the server, for examples.
    pub(crate) fn origin(&self) -> String {
        let guessed = || format!("http://{}", self.host.as_deref().unwrap_or("127.0.0.1:8080"));
        self.state.public_url.clone().unwrap_or_else(guessed)
    }

    /// The name of the product, as browsers and apps show it beside passkeys and codes.
    pub(crate) fn product(&self) -> &str {
        self.state.brand.name().unwrap_or(shell::PRODUCT)
    }

    /// Renders a page. `content` is called where islands can be made.
    pub(crate) fn render<V: IntoView>(&self, title: &str, content: impl FnOnce() -> V) -> Response {
        self.render_with_script(title, None, content)
    }

    /// Renders a page that runs a script.
    pub(crate) fn render_with_script<V: IntoView>(
        &self,
        title: &str,
        script: Option<&'static str>,
        content: impl FnOnce() -> V,
    ) -> Response {
        let rendering = Rendering::begin();
        let content = rendering.owner.with(|| content().to_html());
        self.finish(title, script, &rendering, content)
    }

    /// Puts the content of a page into its document. It takes the content as text, so that it is
    /// compiled once and not for each page.
    fn finish(&self, title: &str, script: Option<&'static str>, rendering: &Rendering, content: String) -> Response {
        let Rendering { nonce, owner } = rendering;
        let (html, secrets) = owner
            .with(|| (shell::document(self, title, nonce, script, content).to_html(), use_context::<SecretsShown>()));
        owner.cleanup();
        let shows_secret = self.link.is_some() || secrets.is_none_or(|secrets| secrets.are_in(&html));
        let compressible = self.session.is_some() && !shows_secret;
        let mut response = Html(html).into_response();
        if compressible {
            response.extensions_mut().insert(Compressible);
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(policy) = HeaderValue::try_from(self.content_security_policy(nonce)) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        if self.framed && !self.state.ancestors.is_empty() {
            response.extensions_mut().insert(Framed);
        }
        let shown = self.flash.as_ref().and_then(|_| Flash::forget());
        let link = self.link.as_ref().and_then(|_| Handover::forget());
        with_cookie(link, with_cookie(shown, response))
    }

    fn content_security_policy(&self, nonce: &Nonce) -> String {
        let ancestors = if self.framed { ancestors::sources(&self.state.ancestors) } else { "'none'".to_owned() };
        let images = self.state.brand.logo().and_then(Logo::source).map(|it| format!(" {it}")).unwrap_or_default();
        format!(
            "default-src 'none'; script-src 'nonce-{nonce}' 'wasm-unsafe-eval' 'strict-dynamic'; style-src 'self'; \
             img-src 'self' data:{images}; connect-src 'self'; form-action 'self'; frame-ancestors {ancestors}; \
             base-uri 'none'"
        )
    }

    /// Renders a page with a form. A form that is refused is answered 422, or 409 if the thing
    /// has changed meanwhile, and its title says so.
    pub(crate) fn render_form<V: IntoView>(&self, form: &Form, title: &str, content: impl FnOnce() -> V) -> Response {
        let status = form.status();
        if status.is_success() {
            return self.render(title, content);
        }
        (status, self.render(&format!("Error: {title}"), content)).into_response()
    }
}

impl FromRequestParts<AppState> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self::of(parts, state))
    }
}

/// The rendering of one page, in which islands can be made.
struct Rendering {
    nonce: Nonce,
    owner: Owner,
}

impl Rendering {
    fn begin() -> Self {
        let (nonce, owner) = (Nonce::new(), Owner::new());
        owner.with(|| provide_context(SecretsShown::default()));
        Self { nonce, owner }
    }
}

/// What the page says of a form that it shows again without applying it.
fn reviewed(parts: &Parts) -> Option<Flash> {
    parts.extensions.get::<Reviewing>().and_then(|it| Flash::of(it.0))
}

/// The browser, with its name, its address, and the session that it has.
fn browser(parts: &Parts) -> Browser {
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|it| it.to_str().ok());
    let client = parts.extensions.get::<ClientAddress>().map(|client| client.ip());
    Browser::new(user_agent, client, cookie::session_token(Place::of_parts(parts), &parts.headers))
}

/// The address as the browser asked for it.
pub(crate) fn asked(parts: &Parts) -> &Uri {
    parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0)
}

/// Somebody with a session for an account. A request without one is sent to the sign-in page,
/// and a person without an account to that of accounts.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) frame: Frame,
    /// The person in the account of the session, to which every operation is bound.
    actor: Actor,
}

impl Member {
    /// The member for whom an island calls its server function.
    pub(crate) fn of_island() -> Result<Self, PageError> {
        Frame::of(&expect_context::<Parts>(), &expect_context()).member().ok_or(PageError::SignedOut)
    }

    pub(crate) const fn engine(&self) -> &Engine {
        &self.frame.state.engine
    }

    /// The catalogue of event types, as the account sees it.
    pub(crate) async fn catalogue(&self) -> Result<Arc<Catalogue>, PageError> {
        Ok(self.engine().event_types().seen_by(self.actor.account).await?)
    }

    /// Returns true if the role has a permission.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.actor.may(permission)
    }

    /// Checks that the role has a permission.
    pub(crate) fn check(&self, permission: Permission) -> Result<(), PageError> {
        if self.may(permission) { Ok(()) } else { Err(PageError::Forbidden) }
    }

    /// The operations of the account.
    pub(crate) fn account(&self) -> AccountHandle<'_> {
        self.engine().account(&self.actor)
    }
}

impl FromRequestParts<AppState> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let frame = Frame::of(parts, state);
        // A form is answered where it is kept.
        if frame.session.is_none() && frame.place == Place::Frame && parts.method == Method::GET {
            return Err(portal::ended_in_frame(&frame));
        }
        let elsewhere = match &frame.session {
            Some(session) if session.operator => operator::PATH,
            Some(_) => accounts::PATH,
            None => return Err(to_sign_in(parts)),
        };
        frame.clone().member().ok_or_else(|| see_other(elsewhere))
    }
}

/// A person who is signed in, with an account or without. The session is that of a person.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) frame: Frame,
    pub(crate) session: Session,
}

impl Person {
    /// The operations of the person on themselves.
    pub(crate) fn myself(&self) -> Result<Myself<'_>, PageError> {
        self.frame.state.engine.myself(&self.session, &self.frame.browser).ok_or(PageError::NotFound)
    }

    /// Their e-mail address.
    pub(crate) fn email(&self) -> &str {
        self.session.email().unwrap_or_default()
    }
}

impl FromRequestParts<AppState> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let frame = Frame::of(parts, state);
        match frame.session.clone() {
            None => Err(to_sign_in(parts)),
            Some(session) if session.person().is_some() => Ok(Self { frame, session }),
            Some(_) => Err(PageError::NotFound.into_response()),
        }
    }
}

/// A person of the account at hand. Who came by a portal link has no page about people.
#[derive(Debug, Clone)]
pub(crate) struct PersonMember {
    member: Member,
    person: UserId,
}

impl PersonMember {
    /// The person.
    pub(crate) const fn person(&self) -> UserId {
        self.person
    }

    /// The roles that the person may give to others.
    pub(crate) fn roles_to_give(&self) -> Vec<Role> {
        Role::ALL.into_iter().filter(|role| *role != Role::Owner || self.is_owner()).collect()
    }

    /// Returns true for an owner of the account.
    pub(crate) fn is_owner(&self) -> bool {
        self.member.actor.rights == Rights::Role(Role::Owner)
    }
}

impl std::ops::Deref for PersonMember {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}

impl FromRequestParts<AppState> for PersonMember {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let member = Member::from_request_parts(parts, state).await?;
        let person = member.frame.session.as_ref().and_then(Session::person);
        match person {
            Some(person) => Ok(Self { member, person }),
            None => Err(PageError::NotFound.into_response()),
        }
    }
}

/// All but letters, digits and a few marks.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The answer to a request without a session: the sign-in page, which leads back to the page of
/// the request. A form is kept on the way ([`crate::pages::kept`]).
pub(crate) fn to_sign_in(parts: &Parts) -> Response {
    if parts.method != Method::GET {
        return PageError::SignedOut.into_response();
    }
    let asked = asked(parts).path_and_query().map_or("/", |it| it.as_str());
    see_other(&with_next(login::PATH, asked))
}

/// A path of signing in that leads on to another.
pub(crate) fn with_next(path: &str, next: &str) -> String {
    format!("{path}?{}={}", login::NEXT.name, encode(next))
}

/// A text as the value of a query.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The ids in the path. A segment that is no id leads to no page.
pub(crate) struct Ids<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for Ids<T> {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let Path(ids) = Path::from_request_parts(parts, state).await.map_err(|_| PageError::NotFound)?;
        Ok(Self(ids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_query_survives_being_a_query_value() {
        let encoded = utf8_percent_encode("/a/b-._~?c=d&e=f", ENCODED).to_string();
        assert_eq!(encoded, "/a/b-._~%3Fc%3Dd%26e%3Df");
    }
}
