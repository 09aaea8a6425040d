//! The types of the host's functions, held against the table of the contract.

use std::sync::Arc;

use pointsman_sdk::abi::{MODULE, signature, wasi};
use wasmtime::{Extern, Store, ValType};

use crate::guest::GuestState;
use crate::imports;
use crate::settings::PolicySettings;
use crate::testing::{Bench, pool};

#[test]
fn the_host_has_the_functions_of_the_contract() {
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    let linker = imports::linker(&bench.engine.engine).unwrap();
    let topology = bench.context.pool.topology();
    let state = GuestState::new(Arc::clone(&bench.context), String::new(), topology, 0);
    let mut store = Store::new(&bench.engine.engine, state);
    let linked: Vec<_> =
        linker.iter(&mut store).map(|(module, name, _)| (module.to_owned(), name.to_owned())).collect();
    let mut types: Vec<_> = linked
        .into_iter()
        .map(|(module, name)| {
            let function = linker.get(&mut store, &module, &name).ok().and_then(Extern::into_func).unwrap();
            let ty = function.ty(&store);
            let list =
                |types: Vec<ValType>| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let (parameters, results) = (list(ty.params().collect()), list(ty.results().collect()));
            let result = if results.is_empty() { String::new() } else { format!(" -> {results}") };
            (module, name, format!("({parameters}){result}"))
        })
        .collect();
    types.sort();
    let table = |module: &'static str, functions: &'static [signature::Signature]| {
        functions
            .iter()
            .map(move |function| (module.to_owned(), function.name.to_owned(), function.ty.to_owned()))
    };
    let mut expected: Vec<_> =
        table(MODULE, &signature::IMPORTS).chain(table(wasi::MODULE, &signature::WASI)).collect();
    expected.sort();
    assert_eq!(types, expected);
}
