"""How kernels become machine code, quickly: numba's pipeline with three changes that its extension points allow.

1. Fields of a tuple are read where they lie. numba copies a whole tuple whenever one of its fields is read; kernels
   take tuples of a hundred arrays, and most of a compilation went into copies of which the optimiser left none.
2. A kernel that other kernels call is made into LLVM's language once and simplified, but neither optimised in full nor
   made machine code by itself: only what Python calls is, with all that it calls.
3. LLVM inlines, not numba, whose copies of Python objects take longer than the rest of a compilation. As nothing else
   can call what a whole kernel is made of, LLVM drops the fields that a function does not read from its arguments.
"""

from __future__ import annotations

import gc
from typing import Any

from numba.core import cgutils, compiler, ir, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering
from numba.core.untyped_passes import InlineInlinables

_Path = tuple[str, tuple[int, ...]]      # the argument that a variable is, or is within, and the fields on the way


class FieldLower(Lower):
    """numba's lowering, but named tuples that are arguments, or fields of such, stay where they are."""

    def init(self) -> None:
        self._paths = self._find_paths()
        super().init()

    def _find_paths(self) -> dict[str, _Path]:
        """Where each variable lies that is such a tuple and is assigned once."""
        assignments: dict[str, list[Any]] = {}
        for block in self.blocks.values():
            for inst in block.find_insts(ir.Assign):
                assignments.setdefault(inst.target.name, []).append(inst.value)
        single = {name: values[0] for name, values in assignments.items()
                  if len(values) == 1 and isinstance(self.typeof(name), types.NamedTuple)}
        paths: dict[str, _Path] = {name: (name, ()) for name, value in single.items() if isinstance(value, ir.Arg)}

        def find(name: str) -> _Path | None:
            value = single.get(name)
            if name in paths or value is None:
                return paths.get(name)
            path: _Path | None = None
            if isinstance(value, ir.Var) and self.typeof(value.name) == self.typeof(name):
                path = find(value.name)
            elif isinstance(value, ir.Expr) and value.op == "getattr" and (outer := find(value.value.name)):
                path = outer[0], (*outer[1], self._place(value.value.name, value.attr))
            if path:
                paths[name] = path
            return path

        for name in single:
            find(name)
        return paths

    def _place(self, name: str, attribute: str) -> int:
        return int(self.typeof(name).fields.index(attribute))

    def _address(self, name: str, *places: int) -> Any:
        root, path = self._paths[name]
        return cgutils.gep_inbounds(self.builder, self.getvar(root), 0, *path, *places)

    def _find_singly_assigned_variable(self) -> None:
        super()._find_singly_assigned_variable()
        self._singly_assigned_vars -= set(self._paths)      # those are kept in registers, these need an address

    def lower_inst(self, inst: Any) -> None:
        target = inst.target.name if isinstance(inst, ir.Assign) else None
        if target not in self._paths or isinstance(inst.value, ir.Arg):
            super().lower_inst(inst)

    def lower_expr(self, resty: Any, expr: Any) -> Any:
        if expr.op == "getattr" and expr.value.name in self._paths:
            owner, name = self.typeof(expr.value.name), expr.value.name
            if expr.attr in owner.fields:
                place = self._place(name, expr.attr)
                value = self.builder.load(self._address(name, place))
                return self.context.cast(self.builder, value, owner.types[place], resty)
        return super().lower_expr(resty, expr)

    def loadvar(self, name: str) -> Any:
        return self.builder.load(self._address(name)) if name in self._paths else super().loadvar(name)

    def delvar(self, name: str) -> None:
        if name not in self._paths:
            super().delvar(name)


class WholeLibrary(JITCodeLibrary):
    """A kernel that Python calls, with all that it calls."""

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage.name == "linkonce_odr":
                function.linkage = "internal"
        super()._optimize_final_module()


class PartLibrary(JITCodeLibrary):
    """Code that is only ever part of other code: simplified, but made machine code there, not here."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class WholeLowering(NativeLowering):
    """numba's pass with :class:`FieldLower` and :class:`WholeLibrary`."""

    _name = "whole_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return FieldLower

    def run_pass(self, state: Any) -> bool:
        state.library = WholeLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(NativeLowering):
    """The same for what other kernels call."""

    _name = "part_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return FieldLower

    def run_pass(self, state: Any) -> bool:
        state.library = PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        key: Any = [].append             # numba finds code by a C function; this one is never called
        state.targetctx.insert_user_function(key, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=key)
        return True


class WholeCompiler(compiler.CompilerBase):
    """numba's pipeline for kernels that Python calls."""

    lowering: type[NativeLowering] = WholeLowering

    def define_pipelines(self) -> list[PassManager]:
        usual = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline = PassManager("kernel")
        pipeline.passes.extend((self.lowering if step is NativeLowering else step, why) for step, why in usual.passes
                               if step is not InlineInlinables)
        pipeline.finalize()
        return [pipeline]

    def _compile_core(self) -> Any:
        """Without garbage collection, which looks through millions of objects that are all still in use."""
        collects = gc.isenabled()
        gc.disable()
        try:
            return super()._compile_core()
        finally:
            if collects:
                gc.enable()


class PartCompiler(WholeCompiler):
    """numba's pipeline for the form of a kernel that other kernels call."""

    lowering = PartLowering
