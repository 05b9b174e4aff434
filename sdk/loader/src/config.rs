//! A config held to its description, with the fault that opening its component
//! would give.

use spacetime_sdk::schema::{Shape, check};
use spacetime_sdk_abi::FaultCode;

use crate::{fault::Fault, handles::OpenRequest};

/// Holds the config of a request to what its component's file says of it.
///
/// # Errors
///
/// The first thing that is wrong with it, in the words of the component's SDK,
/// and placed in the manifest.
pub fn check_config(shape: &Shape, request: &OpenRequest<'_>) -> Result<(), Fault> {
    check(shape, request.config, request.ron_extensions).map_err(|error| {
        let (line, column) = error.place_in_file(request.config_line, request.config_column);
        Fault {
            code: FaultCode::CONFIG,
            line,
            column,
            field: error.field,
            ..Fault::new(error.message)
        }
    })
}
