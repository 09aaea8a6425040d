//! `explanations`.

use axum::extract::State;

use crate::admin::answer::{Answer, Refused, json};
use crate::admin::extract::Path;
use crate::admin::model::{ExplanationReply, Problem};
use crate::admin::state::AdminState;
use crate::admin::view;
use crate::insight::MOST_EXPLANATIONS;

/// Why a request went where it went.
///
/// Requests are explained if they ask for it with `x-pointsman-explain: 1` from an address in `admin.explain_from`. The last 1,000 are kept.
#[utoipa::path(
    get, path = "/explanations/{request_id}", tag = "state",
    params(("request_id" = String, Path, description = "the request's id, as `x-request-id` and `x-pointsman-explain` say it")),
    responses(
        (status = 200, description = "the explanation", body = ExplanationReply),
        (status = 400, description = "the path isn't one", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is none", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn explanation(State(state): State<AdminState>, Path(id): Path<String>) -> Answer {
    let Some(explanations) = &state.explanations else {
        let detail = "nobody may ask for explanations: name the networks that may in `explain_from` of `[admin]`, and restart";
        return Err(Refused::not_found("explanations-off", detail));
    };
    let found = explanations.find(&id).ok_or_else(|| {
        let detail = format!(
            "no explanation of a request `{id}`: it must have asked for one with `x-pointsman-explain: 1`, have ended, and be among the last \
             {MOST_EXPLANATIONS} that did"
        );
        Refused::not_found("unknown-request", detail)
    })?;
    Ok(json(&view::explanation(&found, state.clock)))
}
