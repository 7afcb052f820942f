//! The page for a browser that comes over plain http, where nobody can sign in.

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;

use crate::{frame::Frame, state::AppState, transport::Transport};

mod text {
    pub(super) const TITLE: &str = "This connection is not safe";
    pub(super) const REASON: &str = "This page was opened over plain http. Anybody between your browser and the server could read \
                                     your password, and browsers keep no session here: you could not stay signed in.";
    pub(super) const REMEDY: &str = "Open it by its address that begins with https://.";
    pub(super) const FOR_THE_OPERATOR: &str = "If you run this server: give it a certificate, or put a proxy with one in front, and start it \
                                               with --public-url and the address in browsers. On the server’s own machine open it at \
                                               http://127.0.0.1 and its port.";
}

/// Lets a request through to a page that asks for a password, unless the password could be read
/// on its way.
pub(crate) async fn require_safe(State(_): State<AppState>, frame: Frame, request: Request, next: Next) -> Response {
    if frame.transport != Transport::Exposed {
        return next.run(request).await;
    }
    let status = if request.method() == Method::GET { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    (status, page(&frame)).into_response()
}

fn page(frame: &Frame) -> Response {
    frame.render(text::TITLE, || {
        view! {
            <h1>{text::TITLE}</h1>
            <p>{text::REASON}</p>
            <p>{text::REMEDY}</p>
            <p class="hint">{text::FOR_THE_OPERATOR}</p>
        }
    })
}
