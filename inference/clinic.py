"""The clinic's own page: its malignancy prevalence, and how much the triage must find."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dermaclinic.accounts import clinic_settings, policies
from dermaclinic.accounts.forms import PageForm
from dermaclinic.accounts.models import ClinicSettings
from dermaclinic.accounts.tenancy import clinic_context
from dermaclinic.accounts.web import MemberRequest, member, reading
from dermaclinic.errors import Conflict, Invalid
from inference.models import ModelVersion
from inference.network.prevalence import PredictiveValues, ppv_npv
from inference.services import thresholds
from inference.services.thresholds import Point, Promise
from inference.templatetags.opinion import share

REFUSED = 422  # the page again, with what was entered
SHOWN = 20  # changes


@dataclass(frozen=True)
class Curve:
    """What each target of a class would cost; `display` names the class."""

    key: str
    display: str
    rows: list[Point]


@dataclass(frozen=True)
class Served:
    """An active model as the clinic has set it: the rule in force and what it holds."""

    model: ModelVersion
    points: list[Point]
    binding: Point
    promise: Promise | None
    values: PredictiveValues | None
    curves: list[Curve]

    @classmethod
    def of(cls, model: ModelVersion, held: ClinicSettings | None) -> "Served":
        """`held` are the clinic's settings."""
        manifest: dict[str, Any] = model.manifest
        wanted = held.targets.get(model.modality, {}) if held else {}
        names = {row["key"]: row["display"] for row in manifest.get("classes", [])}
        points = [
            {**point, "display": names.get(point["name"], point["name"])}
            for point in thresholds.points(manifest, wanted)
        ]
        binding = thresholds.binding(points)
        promise = thresholds.promise(manifest, float(binding["threshold"]))
        values = None
        if held and held.prevalence and promise:
            values = ppv_npv(promise.sensitivity, promise.specificity, held.prevalence)
        curves = [
            Curve(point["name"], point["display"], thresholds.curve(manifest, point["name"]))
            for point in points
        ]
        return cls(model, points, binding, promise, values, [each for each in curves if each.rows])


class ClinicForm(PageForm):
    """The prevalence in per cent, and one choice for each class with a curve."""

    number = forms.IntegerField(widget=forms.HiddenInput)
    prevalence = forms.DecimalField(
        label=gettext_lazy("Malignant among the lesions assessed here, in per cent"),
        required=False,
        min_value=Decimal("0.1"),
        max_value=Decimal("60"),
        decimal_places=1,
        help_text=gettext_lazy(
            "From 0.1 to 60. Count lesions with histology or follow-up, premalignant ones too. "
            "Left empty, shares are shown as the model was trained."
        ),
        widget=forms.NumberInput(attrs={"step": "0.1", "autocomplete": "off"}),
    )

    def __init__(self, served: Sequence[Served], held: ClinicSettings | None, *args: Any) -> None:
        wanted: Mapping[str, Mapping[str, float]] = held.targets if held else {}
        super().__init__(*args, initial=_initial(held, wanted))
        self._kept = wanted
        self._fields: dict[str, tuple[str, str]] = {}
        for each in served:
            for curve in each.curves:
                modality = each.model.modality
                name = f"{modality}-{curve.key}"
                self._fields[name] = (modality, curve.key)
                self.fields[name] = forms.ChoiceField(
                    label=_("%(diagnosis)s: find at least") % {"diagnosis": curve.display},
                    choices=_choices(each, curve, wanted.get(modality, {}).get(curve.key)),
                    required=False,
                )

    @property
    def choices(self) -> list[forms.BoundField]:
        """The fields of the targets."""
        return [self[name] for name in self._fields]

    @property
    def answers(self) -> dict[str, Any]:
        """What `clinic_settings.change` takes. Targets of other models stay as they are."""
        cleaned = self.cleaned_data
        targets = {modality: dict(classes) for modality, classes in self._kept.items()}
        for name, (modality, key) in self._fields.items():
            classes = targets.setdefault(modality, {})
            classes.pop(key, None)
            if cleaned[name]:
                classes[key] = float(cleaned[name])
        prevalence = cleaned["prevalence"]
        return {
            "number": cleaned["number"],
            "prevalence": None if prevalence is None else float(prevalence / 100),
            "targets": targets,
        }


def _initial(
    held: ClinicSettings | None, wanted: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    if held is None:
        return {"number": 0}
    declared = None if held.prevalence is None else round(held.prevalence * 100, 1)
    return {"number": held.number, "prevalence": declared} | {
        f"{modality}-{key}": str(target)
        for modality, classes in wanted.items()
        for key, target in classes.items()
    }


def _choices(each: Served, curve: Curve, wanted: float | None) -> list[tuple[str, str]]:
    came = next(
        point["target_sensitivity"]
        for point in each.model.manifest["operating_points"]
        if point["name"] == curve.key
    )
    choices = [("", _("as the model came (%(target)s)") % {"target": share(came)})]
    choices += [
        (
            str(row["target"]),
            _("%(target)s, then %(spared)s of benign lesions stay routine")
            % {"target": share(row["target"]), "spared": share(row["specificity"])},
        )
        for row in curve.rows
    ]
    if wanted is not None and str(wanted) not in dict(choices):
        beyond = _("%(target)s, which this model cannot promise") % {"target": share(wanted)}
        choices.append((str(wanted), beyond))
    return choices


@member
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: MemberRequest) -> HttpResponse:
    """What the clinic has set, for its doctors to see and its administrators to change."""
    if request.method != "POST":
        return _page(request)
    with clinic_context(request.actor.clinic_id):
        policies.require(request.actor, "change", ClinicSettings)
        held = clinic_settings.current()
        form = ClinicForm(_served(held), held, request.POST)
        valid = form.is_valid()
    status = REFUSED
    if valid:
        try:
            clinic_settings.change(actor=request.actor, **form.answers)
        except (Invalid, Conflict) as error:
            form.refuse(error)
            status = REFUSED if isinstance(error, Invalid) else error.status
        else:
            messages.success(request, _("The settings are stored, and the audit has them."))
            return redirect("clinic:settings")
    return _page(request, form, status)


@never_cache
@reading
def _page(
    request: MemberRequest, form: ClinicForm | None = None, status: int = 200
) -> HttpResponse:
    policies.require(request.actor, "view", ClinicSettings)
    held = clinic_settings.current()
    served = _served(held)
    may_change = policies.can(request.actor, "change", ClinicSettings)
    context = {
        "held": held,
        "served": served,
        "form": (form or ClinicForm(served, held)) if may_change else None,
        "changes": ClinicSettings.objects.select_related("changed_by")[:SHOWN],
    }
    return render(request, "accounts/clinic.html", context, status=status)


def _served(held: ClinicSettings | None) -> list[Served]:
    models = ModelVersion.objects.filter(active=True).order_by("modality")
    return [Served.of(model, held) for model in models if model.manifest.get("operating_points")]
