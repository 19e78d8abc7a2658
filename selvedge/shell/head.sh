LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /
