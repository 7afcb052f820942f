//! Making a passkey, and signing with one, which only a script can ask the browser for.

use leptos::{html, prelude::*, task::spawn_local};

use crate::components::Icon;

/// The name of the hidden field with the browser's answer, in JSON.
pub const PASSKEY_ANSWER: &str = "answer";

mod text {
    pub(super) const FAILED: &str = "The browser did not use a passkey. Try again, and unlock the device when it asks.";
    pub(super) const UNABLE: &str = "This browser cannot use passkeys here. Use a current version of it.";
}

/// The reason for which there is no answer.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser fails"))]
enum Failure {
    /// The person broke off, or the device has no passkey for this place.
    Declined,
    /// The browser does not know passkeys.
    Unable,
}

/// A button in a form: asks the browser for a passkey, and sends the form with the answer.
/// Without JavaScript it does not appear.
#[island]
pub fn PasskeyButton(
    /// The member `publicKey` of the browser's options, as JSON.
    options: String,
    /// Makes a new passkey, and signs with none.
    create: bool,
    /// The words on the button.
    label: String,
    /// The class of the button.
    class: String,
) -> impl IntoView {
    let alive = RwSignal::new(false);
    let failure = RwSignal::new(None);
    let field = NodeRef::<html::Input>::new();
    Effect::new(move |_| alive.set(true));
    let ask = move |_| {
        let options = options.clone();
        failure.set(None);
        spawn_local(async move {
            match answer(&options, create).await {
                Ok(json) => send(field, &json),
                Err(reason) => failure.set(Some(reason)),
            }
        });
    };
    let message = move || match failure.get() {
        Some(Failure::Unable) => text::UNABLE,
        _ => text::FAILED,
    };
    view! {
        <input type="hidden" name=PASSKEY_ANSWER node_ref=field />
        <button class=class type="button" hidden=move || !alive.get() on:click=ask>
            <Icon name="key" />
            {label}
        </button>
        <p class="field-error" role="alert" hidden=move || failure.get().is_none()>
            {message}
        </p>
    }
}

/// Sends the form of the field with the answer.
#[cfg(feature = "hydrate")]
fn send(field: NodeRef<html::Input>, json: &str) {
    let Some(field) = field.get_untracked() else { return };
    field.set_value(json);
    if let Some(form) = field.form() {
        // A form that the page has shown can be sent.
        let _ = form.submit();
    }
}

#[cfg(not(feature = "hydrate"))]
fn send(_field: NodeRef<html::Input>, _json: &str) {}

/// Asks the browser, which turns JSON into its own types and back (WebAuthn level 3, 5.1.8).
#[cfg(feature = "hydrate")]
async fn answer(options: &str, create: bool) -> Result<String, Failure> {
    use js_sys::{JSON, Object, Promise, Reflect};
    use wasm_bindgen::JsCast;

    let unable = |_| Failure::Unable;
    let (parse, ask) =
        if create { ("parseCreationOptionsFromJSON", "create") } else { ("parseRequestOptionsFromJSON", "get") };
    let class = Reflect::get(&window(), &"PublicKeyCredential".into()).map_err(unable)?;
    let container = Reflect::get(&window().navigator(), &"credentials".into()).map_err(unable)?;
    let json = JSON::parse(options).map_err(unable)?;
    let public_key = call(&class, parse, Some(&json))?;
    let wanted = Object::new();
    Reflect::set(&wanted, &"publicKey".into(), &public_key).map_err(unable)?;
    let asked: Promise = call(&container, ask, Some(&wanted))?.dyn_into().map_err(unable)?;
    let credential = wasm_bindgen_futures::JsFuture::from(asked).await.map_err(|_| Failure::Declined)?;
    let answer = call(&credential, "toJSON", None)?;
    JSON::stringify(&answer).map(String::from).map_err(unable)
}

/// Calls a method of an object by its name.
#[cfg(feature = "hydrate")]
fn call(
    object: &wasm_bindgen::JsValue,
    method: &str,
    argument: Option<&wasm_bindgen::JsValue>,
) -> Result<wasm_bindgen::JsValue, Failure> {
    use wasm_bindgen::JsCast;

    let function = js_sys::Reflect::get(object, &method.into()).map_err(|_| Failure::Unable)?;
    let function: js_sys::Function = function.dyn_into().map_err(|_| Failure::Unable)?;
    let called = match argument {
        Some(argument) => function.call1(object, argument),
        None => function.call0(object),
    };
    called.map_err(|_| Failure::Unable)
}

#[cfg(not(feature = "hydrate"))]
fn answer(_options: &str, _create: bool) -> std::future::Ready<Result<String, Failure>> {
    std::future::ready(Err(Failure::Unable))
}
