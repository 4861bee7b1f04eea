"""The shapes of answers, as the OpenAPI document prints them; the endpoints write them as plain values."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

Status = Literal["pending", "processing", "completed", "failed", "cancelled"]


class Problem(BaseModel):
    """Why not."""

    detail: str = Field(description='What is wrong; of bad input it begins with the field, "prompt: required".')


class QueueFull(BaseModel):
    """No more jobs until some have ended."""

    error: Literal["Queue full"]
    message: str = Field(examples=["Queue full (3/3)"])
    current_usage: dict[str, int]
    limits: dict[str, int]


class Busy(BaseModel):
    """Too many requests, or too many jobs; `Retry-After` says in how many seconds to try again."""

    detail: str | QueueFull


class Accepted(BaseModel):
    """A job that was taken. The same Idempotency-Key again brings the first values."""

    job_id: str
    status: Status
    cost: int = Field(description="Credits, set aside until the job ends.")
    balance_remaining: int = Field(description="Credits that are left for more.")
    warnings: list[str] = Field(
        default=[], description='What was dropped because the model has no such thing: "audio_dropped".'
    )


class Job(BaseModel):
    """A job. `result` is the first of `results`; both open without a header, and a later look renews them."""

    job_id: str
    status: Status
    progress: int = Field(ge=0, le=100)
    result: str | None
    results: list[str]
    error: str | None
    type: str
    mode: str
    model: str
    cost: int = Field(description="Credits held or taken; 0 once they were given back.")
    refunded: bool | None = Field(default=None, description="Of a failed or cancelled job: whether nothing was taken.")
    warnings: list[str]
    created_at: datetime
    completed_at: datetime | None


class Cancelled(BaseModel):
    """What becomes of a job that somebody stopped."""

    job_id: str
    status: Status = Field(description='"cancelled", or "processing" while the provider is being asked.')
    message: str
    refunded: bool


class PricingRow(BaseModel):
    """What one exact combination costs at one server."""

    server: str
    key: str
    config_key: str = Field(description="The same as `key`.")
    credits: int = Field(description='A job, or a second where `speed` is "per-second".')
    resolution: str | None = None
    duration: str | None = Field(default=None, examples=["5s"])
    quality: str | None = None
    audio: bool | None = None
    speed: str | None = None


class ModelPricingRow(PricingRow):
    """A row of the list over all models."""

    model: str


class Model(BaseModel):
    """A model that can be asked for now."""

    model: str
    name: str
    type: str
    modes: list[str]
    servers: list[str]
    credits_min: int
    credits_max: int
    pricing: list[PricingRow]
    params: dict[str, str] = Field(description="The fields of a request, and what they may hold.")
    notes: str


class Models(BaseModel):
    """All models that the key may ask for."""

    models: list[Model]


class Pricing(BaseModel):
    """Rows of all models."""

    pricing: list[ModelPricingRow]
    count: int


class Slots(BaseModel):
    """How many jobs at once."""

    total_concurrent: int
    image_concurrent: int
    video_concurrent: int
    queue: int


class Active(BaseModel):
    """How many there are."""

    total: int
    image: int
    video: int
    queued: int


class Available(BaseModel):
    """How many more."""

    image_slots: int
    video_slots: int
    queue_slots: int


class Limits(BaseModel):
    """Jobs at once; a key without limits of its own reports the tenant's."""

    limits: Slots
    active: Active
    available: Available


class Balance(BaseModel):
    """Credits that may still be spent."""

    balance: int
    held: int = Field(description="Set aside for jobs that have not ended; not part of the balance.")
    currency: Literal["credits"]
    key_prefix: str
    organization: str


class Meter(BaseModel):
    """One limit of a key."""

    limit: str = Field(description="budget, day, week, month or lifetime.")
    used: int
    most: int
    left: int
    resets_at: datetime | None


class Me(BaseModel):
    """The key that asks."""

    key_id: str
    key_prefix: str
    name: str
    type: Literal["shared", "budgeted", "standalone"]
    organization: str
    balance: int
    held: int
    is_active: bool
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    limits: list[Meter]
    requests_per_minute: int | None
    running_limit: int | None
    queue_limit: int | None
    allowed_models: list[str]
    allowed_types: list[str]


class ListedJob(BaseModel):
    """A job in the list."""

    job_id: str
    type: str = Field(description="t2i, i2i, t2v or i2v.")
    model: str
    prompt: str
    status: Status
    output_url: str | None
    credits_cost: int
    refunded: bool
    error: str | None
    input_params: dict[str, Any]
    created_at: datetime
    completed_at: datetime | None


class Jobs(BaseModel):
    """Some jobs, newest first. By pages, or on from `next_cursor`, which stays right while new jobs come in."""

    jobs: list[ListedJob]
    limit: int
    next_cursor: str | None
    total: int | None = Field(default=None, description="With pages only.")
    page: int | None = Field(default=None, description="With pages only.")
    pages: int | None = Field(default=None, description="With pages only.")


class Transaction(BaseModel):
    """Credits that moved."""

    id: str
    type: Literal["grant", "transfer", "deduct"]
    amount: int = Field(description="Signed: + came in, - went out.")
    balance_before: int | None
    balance_after: int | None
    reason: str
    job_id: str | None
    created_at: datetime


class Used(BaseModel):
    """Jobs that ended, and the credits that were paid for them."""

    jobs: int
    completed: int
    failed: int
    cancelled: int
    credits: int


class UsedModel(Used):
    """Of one model."""

    model: str


class UsedDay(Used):
    """On one day of the tenant's."""

    date: str


class Stats(BaseModel):
    """Usage of some days, in the tenant's time zone: by model, the most credits first, and by day, oldest first."""

    from_date: str
    to_date: str
    timezone: str
    total_jobs: int
    credits_spent: int
    current_balance: int
    by_model: list[UsedModel]
    by_day: list[UsedDay]


class Transactions(BaseModel):
    """The key's own wallet, or what jobs of a shared key cost; newest first."""

    transactions: list[Transaction]
    limit: int
    next_cursor: str | None
