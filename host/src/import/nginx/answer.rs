//! `return` with a status: what a location answers by itself.

use super::super::draft::AnswerDraft;
use super::super::fields::Changes;
use super::super::ledger::Ledger;
use super::headers;
use super::scope::Scope;
use super::tree::Directive;
use crate::config::{has_content, is_media_type, leads_elsewhere};

/// The answer of a `return`; none for one that leads elsewhere, ends the connection, or depends on the request.
pub(super) fn read(scope: &Scope<'_>, answer: &Directive) -> Option<AnswerDraft> {
    let status = answer.arg(0).parse::<u16>().ok()?;
    if !(200..=599).contains(&status) || status == 444 || leads_elsewhere(status) {
        return None;
    }
    let text = answer.args.get(1).filter(|_| has_content(status));
    if text.is_some_and(|text| text.contains('$')) {
        return None;
    }
    let given = scope.find("default_type").map(|found| found.arg(0));
    let given = given.filter(|given| is_media_type(given));
    let media_type = text.filter(|text| !text.is_empty()).map(|_| given.unwrap_or("text/plain").to_owned());
    Some(AnswerDraft { status, media_type, text: text.cloned() })
}

/// The fields of such an answer.
pub(super) fn changes(ledger: &mut Ledger, scope: &Scope<'_>, answer: &AnswerDraft) -> Changes {
    let mut changes = Changes::default();
    let takes_all = matches!(answer.status, 200 | 201 | 204 | 206 | 304);
    for field in scope.all(&["add_header"]) {
        if takes_all || field.arg(2) == "always" {
            headers::answer_field(ledger, field, &mut changes);
        }
    }
    if let Some(found) = scope.own("default_type").next() {
        ledger.carry(found.place);
    }
    changes
}
