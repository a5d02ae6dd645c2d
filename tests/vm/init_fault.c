/* Guests that go wrong, as /init of an image. Ending is a kernel panic: init may not end. */
int main(void)
{
#ifdef VCLAB_HANG
    for (;;)
        ;
#endif
    return 0;
}
