//! The macro that turns the list of definitions into the types that hold parameters.

/// Makes [`Parameter`](super::Parameter) and [`Parameters`](super::Parameters) from definitions of the form
/// `Variant => field: Type = Definition { .. };`. The field's name is the key.
macro_rules! parameters {
    ($(
        $(#[doc = $doc:literal])*
        $variant:ident => $(#[serde($($serde:tt)*)])? $field:ident: $type:ty = $definition:expr;
    )*) => {
        /// A key of `[sweep]` (or `model`, or the `preset` axis): everything that can differ between cells.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Parameter {
            $( $(#[doc = $doc])* $variant, )*
        }

        /// The values of one cell.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub struct Parameters {
            $( $(#[doc = $doc])* $(#[serde($($serde)*)])? pub $field: $type, )*
        }

        static DEFINITIONS: [Definition; Parameter::COUNT] = [$( $definition, )*];

        impl Parameter {
            /// How many parameters there are.
            pub const COUNT: usize = [$( Self::$variant ),*].len();

            /// Every parameter in the order of definition: that of keys in files and of columns in tables.
            pub const DEFINED: [Self; Self::COUNT] = [$( Self::$variant ),*];

            /// Its definition.
            pub fn definition(self) -> &'static Definition {
                &DEFINITIONS[self as usize]
            }
        }

        impl Parameters {
            /// Parameters with nothing set, not even defaults.
            pub(super) fn blank() -> Self {
                Self { $( $field: <$type>::default(), )* }
            }

            /// The value of a parameter.
            pub fn value(&self, parameter: Parameter) -> Value {
                match parameter {
                    $( Parameter::$variant => self.$field.to_value(), )*
                }
            }

            /// Whether the parameter has this value.
            pub fn has(&self, parameter: Parameter, value: &Value) -> bool {
                match parameter {
                    $( Parameter::$variant => self.$field.is(value), )*
                }
            }

            /// Sets a parameter to a value from its domain.
            ///
            /// # Panics
            /// If the value is of another type than the parameter's [`Domain`](super::Domain).
            pub fn set(&mut self, parameter: Parameter, value: &Value) {
                match parameter {
                    $( Parameter::$variant => self.$field.hold(value), )*
                }
            }
        }
    };
}

pub(super) use parameters;
