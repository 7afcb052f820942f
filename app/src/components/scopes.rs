//! The choice of scopes in a form.

use leptos::prelude::*;
use signet_model::Scope;

use super::fields::choices;
use crate::form::{Field, Form};

/// A checkbox for each scope, with what it allows.
pub(crate) fn scopes_input(field: &Field, form: &Form) -> impl IntoView + use<> {
    let (name, focus) = (field.name, form.has_focus(field));
    let ticked: Vec<String> = form.all(field).map(str::to_owned).collect();
    let choice = |(place, scope): (usize, Scope)| {
        let id = format!("{name}-{scope}");
        view! {
            <div class="choice">
                <input
                    type="checkbox"
                    id=id.clone()
                    name=name
                    value=scope.as_str()
                    checked=ticked.iter().any(|one| one == scope.as_str())
                    autofocus=focus && place == 0
                    aria-describedby=format!("{id}-about")
                />
                <div>
                    <label class="mono" for=id.clone()>{scope.as_str()}</label>
                    <p class="muted" id=format!("{id}-about")>{scope.meaning()}</p>
                </div>
            </div>
        }
    };
    choices(field, form, Scope::ALL.into_iter().enumerate().map(choice).collect_view())
}
