"""Clinics (the tenants), people, and who is what where."""

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dermaclinic.accounts.preferences_models import (
    Theme as Theme,
    UserPreference as UserPreference,
)
from dermaclinic.accounts.tenancy import TenantModel


class Role(models.TextChoices):
    TECHNICIAN = "technician", _("Technician")
    DOCTOR = "doctor", _("Doctor")
    ADMINISTRATOR = "administrator", _("Administrator")


class Clinic(models.Model):
    """A tenant. `synthetic` marks the demo's clinics: every page and report then says so."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=200, unique=True)
    synthetic = models.BooleanField(_("synthetic data only"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


def default_mfa_roles() -> list[str]:
    """The roles that need a second factor in a clinic that has set none of its own."""
    return list(settings.MFA_ROLES)


class ClinicSettings(TenantModel):
    """What a clinic has set of its own, one numbered row a change: the last holds.

    `prevalence` is the share of its assessed lesions that are malignant, None while not declared.
    `targets` holds by modality, and there by class, the sensitivity that the triage must reach;
    what is absent is as the model came. `mfa_roles` are the roles that need a second factor;
    `idle_minutes` is after how long without a request somebody is signed out.
    `blinded_first`: a doctor sees the opinion only after a diagnosis of one's own is stored.
    A second doctor reads what was diagnosed with one of `second_read_codes` (SNOMED CT), and the
    share `second_read_share` (0-1) of the benign cases in which doctor and opinion agreed.
    """

    IDLE_MINUTES = 15
    SECOND_READ_SHARE = 0.05

    number = models.PositiveIntegerField()
    prevalence = models.FloatField(_("malignancy prevalence"), null=True)
    targets = models.JSONField(_("sensitivity targets"), default=dict)
    mfa_roles = models.JSONField(_("roles with a second factor"), default=default_mfa_roles)
    idle_minutes = models.PositiveSmallIntegerField(
        _("minutes until sign-out"), default=IDLE_MINUTES
    )
    blinded_first = models.BooleanField(_("blinded first"), default=True)
    second_read_codes = ArrayField(
        models.CharField(max_length=18), verbose_name=_("read twice"), default=list, blank=True
    )
    second_read_share = models.FloatField(
        _("share of agreed benign cases read twice"), default=SECOND_READ_SHARE
    )
    changed_at = models.DateTimeField(auto_now_add=True)
    changed_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "number"], name="clinic_settings_in_order"),
            models.CheckConstraint(
                condition=models.Q(prevalence=None) | models.Q(prevalence__range=(0.001, 0.6)),
                name="prevalence_is_a_clinics",
            ),
            models.CheckConstraint(
                condition=models.Q(mfa_roles__contained_by=Role.values)
                & models.Q(
                    Exact(
                        models.Func(
                            "mfa_roles", function="jsonb_typeof", output_field=models.TextField()
                        ),
                        "array",
                    )
                ),
                name="mfa_roles_are_roles",
            ),
            models.CheckConstraint(
                condition=models.Q(idle_minutes__range=(5, 60)), name="idle_minutes_are_sensible"
            ),
            models.CheckConstraint(
                condition=models.Q(second_read_share__range=(0, 1)),
                name="second_read_share_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.clinic_id} {self.number}"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str, **fields: Any) -> "User":
        """Store a person with a hashed password; the e-mail is kept in lower case."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Sign-in by e-mail, whatever its case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person, who signs in with an e-mail address. Rights come from memberships alone."""

    NAME_LENGTH = 200

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail"), unique=True)
    full_name = models.CharField(_("full name"), max_length=NAME_LENGTH)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="user_email_is_lower_case",
            )
        ]

    def __str__(self) -> str:
        return self.full_name


class Membership(models.Model):
    """A person's one role in one clinic."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(_("role"), max_length=20, choices=Role)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "clinic"], name="one_role_per_clinic"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()}, {self.clinic}"


class Invitation(TenantModel):
    """An open place in a clinic: whoever holds the link's token may take it, once."""

    LIFETIME = timedelta(days=7)

    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=20, choices=Role)
    digest = models.CharField(max_length=64, unique=True)
    invited_at = models.DateTimeField(auto_now_add=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-invited_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["clinic", "email"],
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="one_open_invitation",
            ),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="invitation_email_is_lower_case"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="invitation_role_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(accepted_at=None) | models.Q(withdrawn_at=None),
                name="invitation_ends_once",
            ),
            models.CheckConstraint(
                condition=models.Q(accepted_at=None, accepted_by=None)
                | models.Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Scope(models.TextChoices):
    """What a token may be used for; never more than its member's role allows."""

    READ = "read", _("read")
    PATIENTS = "write:patients", _("register patients, consents and lesions")
    IMAGES = "write:images", _("visits and images")
    REVIEWS = "write:reviews", _("assessments, histology and drafts of reports")
    SIGN = "sign", _("sign reports")
    MODELS = "write:models", _("models in service")


def token_lifetime() -> datetime:
    """When a token expires whose maker says nothing else: in 90 days."""
    return timezone.now() + timedelta(days=90)


class ApiToken(models.Model):
    """A bearer of one membership's rights within its scopes. Only the token's SHA-256 is kept."""

    NAME_LENGTH = 80

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    digest = models.CharField(max_length=64, unique=True)
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(_("name"), max_length=NAME_LENGTH, blank=True)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), default=token_lifetime)
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.GenericIPAddressField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class State(models.TextChoices):
        ACTIVE = "active", _("in force")
        EXPIRED = "expired", _("expired")
        REVOKED = "revoked", _("revoked")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=Scope.values), name="scopes_are_known"
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__lte=models.F("created_at") + timedelta(days=366)),
                name="token_expires_within_a_year",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def clinic_id(self) -> uuid.UUID:
        """The clinic whose data it opens."""
        return self.membership.clinic_id

    @property
    def state(self) -> "ApiToken.State":
        """Whether it still holds, its member aside."""
        if self.revoked_at is not None:
            return self.State.REVOKED
        return self.State.ACTIVE if timezone.now() < self.expires_at else self.State.EXPIRED

    @property
    def scope_names(self) -> list[str]:
        """Its scopes in words."""
        return [str(Scope(scope).label) for scope in self.scopes]

    @staticmethod
    def digest_of(token: str) -> str:
        """A token has 256 random bits, so a plain hash is as good as a slow one."""
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def issue(
        cls,
        membership: Membership,
        *,
        scopes: Iterable[str] = tuple(Scope.values),
        **fields: Any,
    ) -> tuple["ApiToken", str]:
        """A new token and its text, which nobody can read again."""
        text = secrets.token_urlsafe(32)
        made = cls.objects.create(
            digest=cls.digest_of(text), membership=membership, scopes=list(scopes), **fields
        )
        return made, text


class IdempotencyKey(models.Model):
    """The first answer to a POST with an `Idempotency-Key`, given again to its repeats."""

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "key"], name="one_answer_per_key")
        ]

    def __str__(self) -> str:
        return self.key
