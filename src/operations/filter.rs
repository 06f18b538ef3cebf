//! Filters of searches: `field[operator]=value`, each field from the closed set of its operation.

use rust_decimal::Decimal;

use crate::model::time::Bound;

/// One condition of a search. All conditions of a search must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The field.
    pub field: &'static Field,
    /// Which of the utility's own facts, if `field` is [`CUSTOM`].
    pub attribute: Option<String>,
    /// How it is compared.
    pub operator: Operator,
    /// With what; `None` exactly for [`Operator::IsBlank`] and [`Operator::NotBlank`].
    pub operand: Option<Operand>,
}

impl Filter {
    /// A text field that is exactly this.
    #[must_use]
    pub fn is(field: &'static Field, text: String) -> Self {
        Self {
            field,
            attribute: None,
            operator: Operator::Eq,
            operand: Some(Operand::Text(text)),
        }
    }

    /// What a backend must know to be asked this: the field's name for plain equality, `field[*]` for the other operators.
    #[must_use]
    pub fn capability(&self) -> &'static str {
        if self.operator == self.field.kind.plain() {
            self.field.name
        } else {
            self.field.any
        }
    }

    /// The text of a plain equality on this field.
    #[must_use]
    pub fn equals(&self, field: &str) -> Option<&str> {
        match (&self.operand, self.operator) {
            (Some(Operand::Text(text)), Operator::Eq) if self.field.name == field => Some(text),
            _ => None,
        }
    }
}

/// What a condition compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A text.
    Text(String),
    /// A number.
    Number(Decimal),
    /// Yes or no.
    Flag(bool),
    /// A day or an instant.
    Time(Bound),
}

/// How a field is compared. The names are those of Urjanet's search ("Search" of its contract).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Is this.
    Eq,
    /// Is not this; `ne` means the same.
    Neq,
    /// Is greater.
    Gt,
    /// Is less.
    Lt,
    /// Is not less.
    Gte,
    /// Is not greater.
    Lte,
    /// Holds this text; `includes` means the same.
    Include,
    /// Does not hold this text.
    NotInclude,
    /// Starts with this text.
    StartsWith,
    /// Ends with this text.
    EndsWith,
    /// Is `true` or is `false`.
    Is,
    /// Is earlier.
    Before,
    /// Is later.
    After,
    /// Is on this day.
    On,
    /// Has no value.
    IsBlank,
    /// Has a value.
    NotBlank,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 16] = [
        Self::Eq,
        Self::Neq,
        Self::Gt,
        Self::Lt,
        Self::Gte,
        Self::Lte,
        Self::Include,
        Self::NotInclude,
        Self::StartsWith,
        Self::EndsWith,
        Self::Is,
        Self::Before,
        Self::After,
        Self::On,
        Self::IsBlank,
        Self::NotBlank,
    ];

    /// The name in queries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::Gt => "gt",
            Self::Lt => "lt",
            Self::Gte => "gte",
            Self::Lte => "lte",
            Self::Include => "include",
            Self::NotInclude => "notinclude",
            Self::StartsWith => "startswith",
            Self::EndsWith => "endswith",
            Self::Is => "is",
            Self::Before => "before",
            Self::After => "after",
            Self::On => "on",
            Self::IsBlank => "isblank",
            Self::NotBlank => "notblank",
        }
    }

    /// The operator of a name in a query; `ne` and `includes` are other names of `neq` and `include`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ne" => Some(Self::Neq),
            "includes" => Some(Self::Include),
            name => Self::ALL.into_iter().find(|operator| operator.as_str() == name),
        }
    }
}

/// What a field holds; it says which operators fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// A day or an instant.
    Time,
}

impl FieldKind {
    /// The operators that fit, the plain one first.
    #[must_use]
    pub fn operators(self) -> &'static [Operator] {
        use Operator::{
            After, Before, EndsWith, Eq, Gt, Gte, Include, Is, IsBlank, Lt, Lte, Neq, NotBlank, NotInclude, On,
            StartsWith,
        };
        match self {
            Self::Text => &[Eq, Neq, Include, NotInclude, StartsWith, EndsWith, IsBlank, NotBlank],
            Self::Number => &[Eq, Neq, Gt, Lt, Gte, Lte, IsBlank, NotBlank],
            Self::Flag => &[Is, IsBlank, NotBlank],
            Self::Time => &[On, Before, After, IsBlank, NotBlank],
        }
    }

    /// The operator of `field=value`.
    #[must_use]
    pub fn plain(self) -> Operator {
        match self {
            Self::Text | Self::Number => Operator::Eq,
            Self::Flag => Operator::Is,
            Self::Time => Operator::On,
        }
    }
}

/// A field that a search may filter by.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// The name in queries.
    pub name: &'static str,
    /// What a backend says in its limits if it knows every operator of the field: `name[*]`.
    pub any: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// What it is.
    pub doc: &'static str,
}

/// A fact of the utility's own, `custom_attributes.<name>` in queries.
pub static CUSTOM: Field = Field {
    name: "custom_attributes",
    any: "custom_attributes[*]",
    kind: FieldKind::Text,
    doc: "A fact the utility added of its own",
};

macro_rules! plain {
    ($($(#[$doc:meta])* $field:ident $name:literal $about:literal;)*) => {$(
        $(#[$doc])*
        pub static $field: Field = Field {
            name: $name,
            any: concat!($name, "[*]"),
            kind: FieldKind::Text,
            doc: $about,
        };
    )*};
}

// Known to systems that find accounts by one thing at a time, and asked for as it is: these systems have no operators.
plain! {
    /// The system's own identifier of an account.
    NATIVE_ID "native_id" "The system's own identifier";
    /// The name of an account.
    NAME "name" "The name";
    /// An e-mail address of who an account belongs to.
    EMAIL "email" "An e-mail address of who it belongs to";
    /// The number of a subscription that an account pays for.
    SUBSCRIPTION "subscription" "The number of a subscription it pays for";
    /// The account that an account stands under, by its id.
    PARENT "parent" "The account it stands under, by its id";
}

/// The closed set of fields of one search.
pub trait Fields: Send + Sync + 'static {
    /// The fields.
    const FIELDS: &'static [Field];
    /// Every field with every operator, for the limits of a backend that knows them all.
    const ALL: &'static [&'static str];
    /// Whether the utility's own facts can be asked for too.
    const CUSTOM: bool;
}

macro_rules! fields {
    ($($(#[$doc:meta])* $set:ident custom: $custom:literal, also: [$($also:literal),*] {
        $($name:literal $kind:ident $about:literal;)*
    })*) => {$(
        $(#[$doc])*
        pub enum $set {}

        impl Fields for $set {
            const FIELDS: &'static [Field] = &[
                $(Field { name: $name, any: concat!($name, "[*]"), kind: FieldKind::$kind, doc: $about },)*
            ];
            const ALL: &'static [&'static str] = &[
                $($name, concat!($name, "[*]"),)*
                $($also,)*
            ];
            const CUSTOM: bool = $custom;
        }
    )*};
}

fields! {
    /// The fields of `accounts.search` and `candidates.accounts`.
    AccountFields custom: true, also: ["custom_attributes", "custom_attributes[*]"] {
        "number" Text "The number printed on bills";
        "normalized_number" Text "The number without punctuation and leading zeros";
        "summary_number" Text "The number of the summary account it stands under";
        "enrollment_status" Text "How far the account ever got, in the system's own words";
        "extraction_status" Text "What came of the latest collection of bills, in the system's own words";
        "monitoring_status" Text "The state of the watch on the account, in the system's own words";
        "provider" Text "The provider, by its native id or alias";
        "subscribed" Flag "Whether the account is subscribed to";
        "delivered" Flag "Whether its bills are delivered";
        "is_summary" Flag "Whether it is a summary account";
        "latest_bill_amount" Number "The amount of the newest bill, in major units";
        "created_at" Time "When the system made the record";
        "updated_at" Time "When the system last changed the record";
        "last_extracted_at" Time "When bills were last collected, whatever came of it";
        "last_succeeded_at" Time "When bills were last collected with success";
        "last_delivered_at" Time "When a bill was last delivered";
        "next_expected_on" Time "The day the next bill is expected";
    }
    /// The fields of `meters.search` and `candidates.meters`.
    MeterFields custom: true, also: ["custom_attributes", "custom_attributes[*]"] {
        "number" Text "The serial number printed on the meter";
        "normalized_number" Text "The number without punctuation";
        "account_number" Text "The number of the account it is billed on";
        "native_kind" Text "What it measures, in the system's own words";
        "tariff" Text "The tariff";
        "point_of_delivery" Text "The number of the point of delivery";
        "previous_number" Text "The number of the meter before it";
        "deactivated" Flag "Whether it is out of use";
        "created_at" Time "When the system made the record";
        "updated_at" Time "When the system last changed the record";
    }
    /// The fields of `credentials.search`.
    CredentialFields custom: false, also: [] {
        "alias" Text "The system's second name for it";
        "username" Text "The name to sign in with";
        "username2" Text "The second input of the login";
        "username3" Text "The third input of the login";
        "username4" Text "The fourth input of the login";
        "kind" Text "How bills are fetched, in the system's own words";
        "provider" Text "The provider, by its native id or alias";
        "template" Text "The template, by its native id or name";
        "url" Text "The page to sign in at";
        "s3_bucket" Text "The bucket bills are put into";
        "enabled" Flag "Whether it is used";
        "interval_data_enabled" Flag "Whether use by interval is collected with it";
        "last_attempted_at" Time "When it was last used";
        "last_succeeded_at" Time "When it last worked";
        "created_at" Time "When the system made the record";
        "updated_at" Time "When the system last changed the record";
    }
    /// The fields of `providers.search`.
    ProviderFields custom: false, also: [] {
        "alias" Text "The system's second name for it";
        "name" Text "The name";
        "classification" Text "Its part in bills, in the system's own words";
        "parent" Text "The provider it belongs to, by its native id or alias";
        "created_at" Time "When the system made the record";
        "updated_at" Time "When the system last changed the record";
    }
    /// The fields of `templates.search`.
    TemplateFields custom: false, also: [] {
        "name" Text "The name";
        "website" Text "The page it reads";
        "provider" Text "A provider it is for, by its native id or alias";
        "has_interval" Flag "Whether it brings use by interval";
        "has_history" Flag "Whether it brings older bills";
        "has_pdf" Flag "Whether it brings PDF";
        "has_html" Flag "Whether it brings HTML";
        "has_edi" Flag "Whether it brings EDI";
        "has_xls" Flag "Whether it brings XLS";
        "has_csv" Flag "Whether it brings CSV";
        "has_ocr" Flag "Whether it brings text read from images";
        "tracks_login_failure" Flag "Whether it can tell a wrong password from other failures";
        "created_at" Time "When the system made the record";
        "updated_at" Time "When the system last changed the record";
    }
    /// The fields of `custom_attributes.search`.
    CustomAttributeFields custom: false, also: [] {
        "name" Text "The name";
        "required" Flag "Whether every account must have it";
        "position" Number "Its place in delivered files";
        "created_at" Time "When the system made the record";
        "updated_at" Time "When the system last changed the record";
    }
    /// The fields of `changes.search`.
    ChangeFields custom: false, also: [] {
        "native_kind" Text "What happened, in the system's own words";
        "username" Text "Who did it";
        "account_number" Text "The number of the account";
        "summary_number" Text "The number of the summary account";
        "provider" Text "The alias of the provider";
        "credential" Text "The alias of the credential";
        "meter_number" Text "The serial number of the meter";
        "old_status" Text "The status before";
        "new_status" Text "The status after";
        "requested_by" Text "Who asked for it";
        "requested_by_email" Text "The e-mail address of who asked for it";
        "reference" Text "The ticket it was asked for in";
        "manual" Flag "Whether it was done by hand";
        "linked" Flag "Whether something was tied or untied";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_operators_have_names_of_their_own() {
        for operator in Operator::ALL {
            assert_eq!(Operator::named(operator.as_str()), Some(operator));
        }
        let mut names: Vec<_> = Operator::ALL.map(Operator::as_str).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 16);
        assert_eq!(Operator::named("ne"), Some(Operator::Neq));
        assert_eq!(Operator::named("includes"), Some(Operator::Include));
        assert_eq!(Operator::named("like"), None);
    }

    #[test]
    fn every_operator_fits_some_kind_and_the_plain_one_stands_first() {
        let kinds = [FieldKind::Text, FieldKind::Number, FieldKind::Flag, FieldKind::Time];
        for operator in Operator::ALL {
            assert!(
                kinds.iter().any(|kind| kind.operators().contains(&operator)),
                "{operator:?}"
            );
        }
        for kind in kinds {
            assert_eq!(kind.operators()[0], kind.plain());
        }
    }
}
