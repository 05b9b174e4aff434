//! What makes a library a plugin.

/// Exports a library's components.
///
/// Each line, ended by a semicolon, is a kind (`strategy`, `engine`, `policy`,
/// `transport`), the name
/// under which manifests use the component, the type that implements the
/// kind's trait, and a description, as in the [crate's example](crate). The
/// plugin's id and version are those of the package.
///
/// A name has 1 to 64 lower-case letters, digits, `-` and `_`, and begins with a
/// letter. It belongs to one component of its kind:
///
/// ```compile_fail,E0080
/// # use spacetime_sdk::{BlockContext, Candidate, Policy, Result, Selection};
/// # struct Empty;
/// # impl Policy for Empty {
/// #     type Config = ();
/// #     fn open((): ()) -> Result<Self> { Ok(Self) }
/// #     fn select(&mut self, _: &BlockContext, _: &[Candidate]) -> Result<Selection> {
/// #         Ok(Selection::Include(Vec::new()))
/// #     }
/// # }
/// spacetime_sdk::export_plugin! {
///     policy "empty": Empty, "Leaves every block empty";
///     policy "empty": Empty, "Does so once more";
/// }
/// ```
///
/// ```compile_fail,E0080
/// # use spacetime_sdk::{BlockContext, Candidate, Policy, Result, Selection};
/// # struct Empty;
/// # impl Policy for Empty {
/// #     type Config = ();
/// #     fn open((): ()) -> Result<Self> { Ok(Self) }
/// #     fn select(&mut self, _: &BlockContext, _: &[Candidate]) -> Result<Selection> {
/// #         Ok(Selection::Include(Vec::new()))
/// #     }
/// # }
/// spacetime_sdk::export_plugin! {
///     policy "Always Empty": Empty, "Has a name that no manifest would want";
/// }
/// ```
///
/// All of this, what each component's config may be, the interface, the
/// compiler and the processor features that the plugin was built for are written
/// into a section of the library's file; see [`descriptor`](crate::descriptor).
#[macro_export]
macro_rules! export_plugin {
    ($($kind:ident $name:literal : $type:ty, $about:literal);+ $(;)?) => {
        #[allow(unsafe_code, reason = "exporting symbols by name is unsafe")]
        const _: () = {
            use $crate::__private as __private;

            const __NAMES: &[(&str, &str)] = &[$((stringify!($kind), $name)),+];
            $(
                const _: () = __private::check_name(
                    $name,
                    concat!(
                        "the ", stringify!($kind), " ", stringify!($name), " cannot be called so: ",
                        "a component's name has 1 to 64 lower-case letters, digits, `-` and `_`, ",
                        "and begins with a letter, as `my-component` does",
                    ),
                );
                const _: () = __private::check_name_alone(
                    stringify!($kind),
                    $name,
                    __NAMES,
                    concat!(
                        "several components are called ", stringify!($kind), " ",
                        stringify!($name), ": give each of a kind a name of its own",
                    ),
                );
            )+

            const __PARTS: &[__private::Part] = &[
                __private::Part::Raw("{\"format\":1,\"plugin\":\""),
                __private::Part::Text(env!("CARGO_PKG_NAME")),
                __private::Part::Raw("\",\"version\":\""),
                __private::Part::Text(env!("CARGO_PKG_VERSION")),
                __private::Part::Raw("\",\"about\":\""),
                __private::Part::Text(env!("CARGO_PKG_DESCRIPTION")),
                __private::Part::Raw("\",\"license\":\""),
                __private::Part::Text(env!("CARGO_PKG_LICENSE")),
                __private::Part::Raw("\",\"abi\":\""),
                __private::Part::Text(__private::abi::ABI_VERSION),
                __private::Part::Raw("\",\"sdk\":\""),
                __private::Part::Text(__private::SDK_VERSION),
                __private::Part::Raw("\",\"rustc\":\""),
                __private::Part::Text(__private::RUSTC),
                __private::Part::Raw("\",\"target\":\""),
                __private::Part::Text(__private::TARGET),
                __private::Part::Raw("\",\"panic\":\""),
                __private::Part::Text(if cfg!(panic = "unwind") { "unwind" } else { "abort" }),
                __private::Part::Raw("\",\"profile\":\""),
                __private::Part::Text(if cfg!(debug_assertions) { "debug" } else { "release" }),
                __private::Part::Raw("\",\"cpu\":"),
                __private::Part::Names($crate::__required_features!()),
                __private::Part::Raw(",\"components\":["),
                $(
                    __private::Part::Raw("{\"kind\":\""),
                    __private::Part::Text(stringify!($kind)),
                    __private::Part::Raw("\",\"name\":\""),
                    __private::Part::Text($name),
                    __private::Part::Raw("\",\"about\":\""),
                    __private::Part::Text($about),
                    __private::Part::Raw("\",\"config\":"),
                    __private::Part::Schema(
                        &<$crate::__config!($kind $type) as $crate::Schema>::SCHEMA,
                    ),
                    __private::Part::Raw($crate::__declared!($kind $type)),
                    __private::Part::Raw("},"),
                )+
                // Ends the list after its last comma.
                __private::Part::Raw("null]}"),
            ];
            const __LEN: usize = __private::FRAME + __private::text_len(__PARTS);

            #[used]
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__stplugin"))]
            #[cfg_attr(windows, unsafe(link_section = ".stplg"))]
            #[cfg_attr(
                not(any(target_vendor = "apple", windows)),
                unsafe(link_section = ".stplugin")
            )]
            static __DESCRIPTOR: [u8; __LEN] = __private::encode(__PARTS);

            extern "C" fn descriptor() -> __private::RStr<'static> {
                __private::text(&__DESCRIPTOR).into()
            }

            extern "C" fn init(
                info: &__private::abi::HostInfo<'_>,
                host: __private::abi::HostObject,
            ) -> __private::RResult<(), __private::abi::Fault> {
                __private::init(info, host)
            }

            extern "C" fn strategy(
                args: &__private::abi::OpenArgs<'_>,
            ) -> __private::RResult<__private::abi::StrategyObject, __private::abi::Fault> {
                $($crate::__open!(strategy $kind $name, $type, args);)+
                __private::RResult::RErr(__private::unknown_component("strategy", args))
            }

            extern "C" fn engine(
                args: &__private::abi::OpenArgs<'_>,
            ) -> __private::RResult<__private::abi::EngineObject, __private::abi::Fault> {
                $($crate::__open!(engine $kind $name, $type, args);)+
                __private::RResult::RErr(__private::unknown_component("engine", args))
            }

            extern "C" fn policy(
                args: &__private::abi::OpenArgs<'_>,
            ) -> __private::RResult<__private::abi::PolicyObject, __private::abi::Fault> {
                $($crate::__open!(policy $kind $name, $type, args);)+
                __private::RResult::RErr(__private::unknown_component("policy", args))
            }

            #[allow(unused_variables, reason = "a library without transports ignores them")]
            extern "C" fn transport(
                args: &__private::abi::OpenArgs<'_>,
                transport: &__private::abi::TransportArgs<'_>,
                port: __private::abi::PortObject,
            ) -> __private::RResult<__private::abi::TransportObject, __private::abi::Fault> {
                $($crate::__open!(transport $kind $name, $type, args, transport, port);)+
                __private::RResult::RErr(__private::unknown_component("transport", args))
            }

            #[allow(unused_variables, reason = "a library without transports ignores them")]
            extern "C" fn check_transport(
                args: &__private::abi::OpenArgs<'_>,
                transport: &__private::abi::TransportArgs<'_>,
            ) -> __private::RResult<__private::RString, __private::abi::Fault> {
                $($crate::__open!(check_transport $kind $name, $type, args, transport);)+
                __private::RResult::RErr(__private::unknown_component("transport", args))
            }

            #[allow(unused_variables, reason = "a library without transports ignores them")]
            extern "C" fn ask_transport(
                args: &__private::abi::OpenArgs<'_>,
                transport: &__private::abi::TransportArgs<'_>,
                question: __private::abi::Question_NE,
            ) -> __private::RResult<__private::abi::Answer_NE, __private::abi::Fault> {
                $($crate::__open!(ask_transport $kind $name, $type, args, transport, question);)+
                __private::RResult::RErr(__private::unknown_component("transport", args))
            }

            fn module() -> __private::abi::PluginModuleRef {
                use __private::PrefixTypeTrait as _;
                __private::abi::PluginModule {
                    descriptor,
                    init,
                    strategy,
                    engine,
                    policy,
                    transport,
                    check_transport,
                    ask_transport,
                }
                .leak_into_prefix()
            }

            extern "C" fn constructor() -> __private::RootModuleResult {
                __private::call_root_module_loader(module)
            }

            // SAFETY: the name belongs to this interface, and a library exports
            // one module. The constructor returns the module type named here.
            #[unsafe(no_mangle)]
            pub static SPACETIME_PLUGIN_MODULE: __private::LibHeader = unsafe {
                __private::LibHeader::from_constructor::<__private::abi::PluginModuleRef>(
                    constructor,
                    __private::CheckTypeLayout::Yes,
                )
            };
        };
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "a plugin exports one component or more, each as `KIND \"NAME\": TYPE, \
             \"DESCRIPTION\";` and with a kind of `strategy`, `engine`, `policy` or `transport`"
        );
    };
}

/// The type of a component's config.
#[doc(hidden)]
#[macro_export]
macro_rules! __config {
    (strategy $type:ty) => {
        <$type as $crate::Strategy>::Config
    };
    (engine $type:ty) => {
        <$type as $crate::Engine>::Config
    };
    (policy $type:ty) => {
        <$type as $crate::Policy>::Config
    };
    (transport $type:ty) => {
        <$type as $crate::Transport>::Config
    };
    ($kind:ident $type:ty) => {
        ::core::compile_error!(concat!(
            "there is no kind of component called `",
            stringify!($kind),
            "`: it is `strategy`, `engine`, `policy` or `transport`",
        ))
    };
}

/// What a component declares besides, as further fields of its description.
#[doc(hidden)]
#[macro_export]
macro_rules! __declared {
    (strategy $type:ty) => {
        match <$type as $crate::Strategy>::MAY_REPEAT {
            true => ",\"may_repeat\":true",
            false => ",\"may_repeat\":false",
        }
    };
    ($kind:ident $type:ty) => {
        ""
    };
}

/// Opens a component if it is of the factory's kind and has the wanted name.
#[doc(hidden)]
#[macro_export]
macro_rules! __open {
    (strategy strategy $name:literal, $type:ty, $args:ident) => {
        if $args.component.as_str() == $name {
            return $crate::__private::open_strategy::<$type>($args).into();
        }
    };
    (engine engine $name:literal, $type:ty, $args:ident) => {
        if $args.component.as_str() == $name {
            return $crate::__private::open_engine::<$type>($args).into();
        }
    };
    (policy policy $name:literal, $type:ty, $args:ident) => {
        if $args.component.as_str() == $name {
            return $crate::__private::open_policy::<$type>($args).into();
        }
    };
    (transport transport $name:literal, $type:ty, $args:ident, $transport:ident, $port:ident) => {
        if $args.component.as_str() == $name {
            return $crate::__private::open_transport::<$type>($args, $transport, $port).into();
        }
    };
    (check_transport transport $name:literal, $type:ty, $args:ident, $transport:ident) => {
        if $args.component.as_str() == $name {
            return $crate::__private::check_transport::<$type>($args, $transport).into();
        }
    };
    (ask_transport transport $name:literal, $type:ty, $args:ident, $transport:ident, $question:ident) => {
        if $args.component.as_str() == $name {
            return $crate::__private::ask_transport::<$type>($args, $transport, $question).into();
        }
    };
    ($factory:ident strategy $($rest:tt)*) => {};
    ($factory:ident engine $($rest:tt)*) => {};
    ($factory:ident policy $($rest:tt)*) => {};
    ($factory:ident transport $($rest:tt)*) => {};
    // `__config` says what is wrong.
    ($factory:ident $kind:ident $($rest:tt)*) => {};
}
