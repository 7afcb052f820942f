//! The choice of a role in a form.

use leptos::prelude::*;
use signet_model::Role;

use super::fields::choices;
use crate::{
    form::{Field, Form},
    words,
};

/// A radio button for each of these roles, with what it allows.
pub(crate) fn role_input(field: &Field, form: &Form, roles: &[Role]) -> impl IntoView + use<> {
    let name = field.name;
    let chosen = form.get(field).to_owned();
    let choice = |&role: &Role| {
        let id = format!("{name}-{role}");
        view! {
            <div class="choice">
                <input
                    type="radio"
                    id=id.clone()
                    name=name
                    value=role.as_str()
                    checked=chosen == role.as_str()
                    aria-describedby=format!("{id}-about")
                />
                <div>
                    <label for=id.clone()>{words::role(role)}</label>
                    <p class="muted" id=format!("{id}-about")>{role.meaning()}</p>
                </div>
            </div>
        }
    };
    choices(field, form, roles.iter().map(choice).collect_view())
}
