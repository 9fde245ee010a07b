"""The deletion of an account, with everything that is held about it."""

import uuid

from imagevault.accounts import audit, one_time_codes, throttle
from imagevault.accounts.tables import Account, ApiKey, PageSession
from imagevault.downloads.tables import Download, RepeatableSave
from imagevault.storage.database import transaction
from imagevault.upstream.tables import DailyUsage


async def delete_account(id: uuid.UUID, username: str) -> bool:
    """Delete an account, its keys, its sessions, its downloads and its use; all of it or nothing.

    Returns whether it was there: somebody may click twice.

    What stays: the events of the audit trail, without name, address and detail; and the reports of its downloads that
    are due to providers, which name pictures and no person.
    """
    async with transaction():
        if not await Account.delete().where(Account.id == id).returning(Account.id):
            return False
        await ApiKey.delete().where(ApiKey.account == id)
        await PageSession.delete().where(PageSession.account == id)
        await one_time_codes.delete_of(id)
        await throttle.forget_account(username)
        await Download.delete().where(Download.account == id)
        await RepeatableSave.delete().where(RepeatableSave.account == id)
        await DailyUsage.delete().where(DailyUsage.caller == str(id))
        await audit.forget_person(id)
        await audit.record("account_deleted", account=id)
    await audit.forget_person(id)
    return True
