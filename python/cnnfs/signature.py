"""What inspect.signature says of an object that is called through its type's slot."""

from inspect import Parameter, Signature

_CALL = Signature(
    [
        Parameter("x", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("out", Parameter.POSITIONAL_OR_KEYWORD, default=None),
    ]
)


class CallSignature:
    """A ``__signature__`` for the instances of a class; the class itself keeps its own."""

    def __get__(self, instance: object, owner: type) -> Signature | None:
        return None if instance is None else _CALL
