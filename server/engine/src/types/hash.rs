//! Reading hash values.
