//! A map from every parameter to a value.

use std::ops::{Index, IndexMut};

use super::Parameter;

/// One `T` for each parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByParameter<T>([T; Parameter::COUNT]);

impl<T> ByParameter<T> {
    /// Calls `make` for each parameter.
    pub fn from_fn(make: impl FnMut(Parameter) -> T) -> Self {
        Self(Parameter::DEFINED.map(make))
    }

    /// All entries, in the order of definition.
    pub fn iter(&self) -> impl Iterator<Item = (Parameter, &T)> {
        Parameter::DEFINED.into_iter().zip(&self.0)
    }
}

impl<T: Default> Default for ByParameter<T> {
    fn default() -> Self {
        Self::from_fn(|_| T::default())
    }
}

impl<T> Index<Parameter> for ByParameter<T> {
    type Output = T;

    fn index(&self, parameter: Parameter) -> &T {
        &self.0[parameter as usize]
    }
}

impl<T> IndexMut<Parameter> for ByParameter<T> {
    fn index_mut(&mut self, parameter: Parameter) -> &mut T {
        &mut self.0[parameter as usize]
    }
}
